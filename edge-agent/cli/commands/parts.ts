/** `starling hub`, `starling edge`, `starling token`: each part alone, so that several machines can be set up. */
import { readFileSync } from 'node:fs'
import type { LinkClass } from '../../../rollout/delta/transfer.ts'
import type { Environment } from '../../../shared/kernel/contract.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { Call } from '../call.ts'
import { issueToken } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { isEnrolled, startEdge, startHub } from '../parts.ts'
import type { PartProcess } from '../part-process.ts'
import { readRunFile } from '../run-files.ts'

export class NotEnrolled extends StarlingError {
  override readonly code = 'not_enrolled'
}

export class NoCentreHere extends StarlingError {
  override readonly code = 'no_centre_here'
}

export interface HubOptions {
  readonly port: number
  readonly natsPort: number
  readonly leafPort: number
  readonly sampleData: boolean
  readonly environment: Environment
  readonly insecureShapes?: true
  readonly databaseUrl?: string
  readonly shapePollMs?: number
  readonly shapeChunkBytes?: number
  readonly electric?: string
}

export async function hub(call: Call, options: HubOptions): Promise<ExitCode> {
  const shapes = {
    databaseUrl: options.databaseUrl ?? null,
    pollMs: options.shapePollMs ?? null,
    chunkBytes: options.shapeChunkBytes ?? null,
  }
  const { part, run } = await startHub(startOf(call), {
    ...options,
    ...(options.insecureShapes === true ? { shapes } : {}),
  })
  call.output.answer({ ready: true, ...run }, [
    `The centre runs at ${run.http}; leaf nodes connect to ${run.leaf}.`,
    'A device joins with `starling edge --hub URL --token-file FILE`; `starling token` makes the token.',
  ])
  return await untilEnded(call, part)
}

export async function edge(
  call: Call,
  options: {
    readonly hub?: string
    readonly contextUrl?: string
    readonly joinLeaf?: string
    readonly link: LinkClass
    readonly tokenFile?: string
    readonly pagePort: number
    readonly siteLeafPort: number
    readonly device: string
    readonly site: string
    readonly speechThreads: number
  },
): Promise<ExitCode> {
  const shown = readToken(call, options.tokenFile)
  if (!isEnrolled(call.home) && (shown === null || options.hub === undefined))
    throw new NotEnrolled('this folder has no device yet', {
      remedy: 'Give --hub URL and --token-file FILE once; `starling token` at the centre makes the token.',
    })
  const { part, run } = await startEdge(startOf(call), {
    hub: options.hub ?? null,
    leafUrl: null,
    contextUrl: options.contextUrl ?? null,
    joinLeaf: options.joinLeaf ?? null,
    link: options.link,
    port: options.pagePort,
    leafPort: options.siteLeafPort,
    device: options.device,
    site: options.site,
    speechThreads: options.speechThreads,
    token: shown,
  })
  call.output.answer({ ready: true, ...run }, [`${run.device} runs; its page is at ${run.http}.`])
  return await untilEnded(call, part)
}

export async function token(
  call: Call,
  names: { readonly device: string; readonly site: string },
): Promise<ExitCode> {
  const running = readRunFile(call.home, 'hub')
  if (running === null)
    throw new NoCentreHere(`no centre runs on ${call.home.root}`, {
      remedy: 'Start one with `starling hub`, or give its folder with --data.',
    })
  const made = await issueToken(running, names)
  call.output.answer({ token: made, ...names }, [made])
  return EXIT.ok
}

function readToken({ env }: Call, file: string | undefined): string | null {
  if (file === undefined) return env['STARLING_ENROL_TOKEN'] ?? null
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new NotEnrolled(`the token file cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the path of the file that `starling token` was written to.',
      cause,
    })
  }
}

function startOf({ home, signal, output }: Call): Parameters<typeof startHub>[0] {
  return { home, signal, onLog: (line) => output.progress(line) }
}

async function untilEnded({ signal }: Call, part: PartProcess): Promise<ExitCode> {
  const stop = (): void => void part.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const { code } = await part.gone
  return signal.aborted || code === 0 ? EXIT.ok : EXIT.internal
}
