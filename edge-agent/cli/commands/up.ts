/** `starling up`: the centre and one site with its device, in order, until told to stop; then in reverse. */
import { takeFolderLock } from '../../../shared/folder-lock.ts'
import type { Call } from '../call.ts'
import { issueToken } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { openPartLogs } from '../part-logs.ts'
import { isEnrolled, startEdge, startHub, type StartedEdge, type StartedHub } from '../parts.ts'
import { supervise } from '../supervise.ts'

export interface UpOptions {
  readonly port: number
  readonly pagePort: number
  readonly natsPort: number
  readonly leafPort: number
  readonly siteLeafPort: number
  readonly device: string
  readonly site: string
  readonly speechThreads: number
  readonly sampleData: boolean
  readonly verbose: boolean
}

/** Throws `FolderLocked` with the holder's pid when the folder is in use. */
export async function up(call: Call, options: UpOptions): Promise<ExitCode> {
  const { home, output, signal } = call
  const lock = takeFolderLock(home.root, 'starling up')
  try {
    output.progress(`Starling starts in ${home.root}`)
    const started = performance.now()
    const hub = await startCentre(call, options)
    const hubCare = supervise(hub.part, {
      start: async () => (await startCentre(call, portsOf(options, hub))).part,
      restarted: () => output.progress('the centre is back'),
      output,
      nowMs: () => Date.now(),
    })
    try {
      const edge = await startDevice(call, options, hub)
      const edgeCare = supervise(edge.part, {
        start: async () =>
          (await startDevice(call, { ...options, pagePort: portOf(edge.run.http) }, hub)).part,
        restarted: () => output.progress('the edge agent is back'),
        output,
        nowMs: () => Date.now(),
      })
      try {
        const seconds = ((performance.now() - started) / 1_000).toFixed(1)
        output.answer(
          {
            ready: true,
            technician: edge.run.http,
            centre: hub.run.http,
            device: edge.run.device,
            operatorToken: hub.run.operatorToken,
            data: home.root,
          },
          [
            '',
            `Ready after ${seconds} s.`,
            `  Technician's page   ${edge.run.http}`,
            `  Centre              ${hub.run.http}  (token: ${hub.run.operatorToken})`,
            `  Device              ${edge.run.device}`,
            `  Data                ${home.root}`,
            '',
            'Ctrl-C stops it; starting it again goes on where it stood.',
          ],
        )
        await Promise.race([untilAborted(signal), hubCare.given, edgeCare.given])
      } finally {
        output.progress('stopping the edge agent')
        await edgeCare.stop()
      }
    } finally {
      output.progress('stopping the centre')
      await hubCare.stop()
    }
    output.progress('stopped')
    return EXIT.ok
  } finally {
    lock.release()
  }
}

async function startCentre(call: Call, options: UpOptions): Promise<StartedHub> {
  call.output.progress('centre: starting (hub NATS server, database, HTTP)')
  const logs = openPartLogs(call.output, { quiet: !options.verbose })
  try {
    return await startHub({ home: call.home, signal: call.signal, onLog: (line) => logs.take(line) }, options)
  } catch (thrown) {
    if (!options.verbose) for (const line of logs.last()) call.output.progress(`  ${line}`)
    throw thrown
  }
}

async function startDevice(call: Call, options: UpOptions, hub: StartedHub): Promise<StartedEdge> {
  const { home, output, signal } = call
  const { device, site } = options
  const isNew = !isEnrolled(home)
  if (isNew) output.progress(`edge: enrolling ${device} at ${site} with a one-time token`)
  const token = isNew ? await issueToken(hub.run, { device, site }) : null
  output.progress('edge: starting (leaf NATS server, database, models, page)')
  const logs = openPartLogs(output, { quiet: !options.verbose })
  try {
    return await startEdge(
      { home, signal, onLog: (line) => logs.take(line) },
      {
        hub: hub.run.http,
        leafUrl: hub.run.leaf,
        port: options.pagePort,
        leafPort: options.siteLeafPort,
        device,
        site,
        speechThreads: options.speechThreads,
        token,
      },
    )
  } catch (thrown) {
    if (!options.verbose) for (const line of logs.last()) output.progress(`  ${line}`)
    throw thrown
  }
}

/** A restarted centre keeps the address that the device knows. */
function portsOf(options: UpOptions, hub: StartedHub): UpOptions {
  return { ...options, port: portOf(hub.run.http), leafPort: portOf(hub.run.leaf) }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
