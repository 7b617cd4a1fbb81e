/** `starling transcribe`, `starling understand`, `starling turn`: the device's models and its governed turn from a shell. */
import { readFile, stat } from 'node:fs/promises'
import { StarlingError } from '../../../shared/errors.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { AgentClient } from '../agent-client.ts'
import type { Call } from '../call.ts'
import { chooseDomain } from '../chosen-domain.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { withAgent } from '../with-agent.ts'
import type { Wish } from '../../intent/wish.ts'
import type { Transcribed, Understood } from '../../turn/model-calls.ts'
import type { TurnResult } from '../../turn/result.ts'

const TRANSCRIBE = '/v1/transcribe'
/** What the agent takes in one request. */
const MAX_FILE_BYTES = 128 * 1024 * 1024

export class FileUnreadable extends StarlingError {
  override readonly code = 'file_unreadable'
}

/** One line of JSON a file, in order, or an object for a single file. */
export async function transcribeFiles(
  call: Call,
  paths: readonly string[],
  options: { readonly model?: string; readonly domain?: string; readonly dictation?: true },
): Promise<ExitCode> {
  const domain = await chooseDomain(call, options.domain)
  const query = new URLSearchParams({
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.dictation === true ? { dictation: '1' } : {}),
  }).toString()
  const path = query === '' ? TRANSCRIBE : `${TRANSCRIBE}?${query}`
  return await eachFile(call, paths, async (agent, file, bytes) => {
    const heard = (await domain.post(agent, path, bytes)) as unknown as Transcribed
    const sure = `${Math.round(heard.confidence * 100)} %`
    const shown = options.dictation === true ? heard.written : heard.text
    call.output.answer(
      paths.length === 1 ? heard : { file, ...heard },
      heard.kind === 'nothing'
        ? ['(no speech)', ...heard.warnings]
        : [...(callLines(heard) ?? [`${shown}  (${heard.kind}, ${sure})`]), ...heard.warnings],
    )
    return EXIT.ok
  })
}

/** A call's utterances in the order in which they began; null for any other recording. */
function callLines({ channels }: Transcribed): readonly string[] | null {
  if (channels === undefined) return null
  return channels
    .flatMap(({ channel, utterances }) => utterances.map((said) => ({ channel, ...said })))
    .sort((one, other) => one.startMs - other.startMs)
    .map(
      ({ channel, startMs, endMs, text, kind, confidence }) =>
        `${seconds(startMs)} to ${seconds(endMs)}  channel ${channel}  ${text}  (${kind}, ${Math.round(confidence * 100)} %)`,
    )
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`
}

export async function understandText(
  call: Call,
  text: string,
  options: { readonly domain?: string },
): Promise<ExitCode> {
  const domain = await chooseDomain(call, options.domain)
  return await withAgent(call, async (agent) => {
    const meant = (await domain.post(agent, '/v1/understand', { text })) as unknown as Understood
    call.output.answer(meant, [meant, ...meant.further].flatMap(wishLines))
    return EXIT.ok
  })
}

function wishLines({ intent, confidence, route, slots, spans, missing }: Wish): readonly string[] {
  return [
    `${intent}  (${Math.round(confidence * 100)} %, by ${route})`,
    ...Object.entries(slots).map(([name, value]) => {
      const span = spans[name]
      const where = span === undefined ? '' : `  (“${span.text}”, characters ${span.start} to ${span.end})`
      return `  ${name} = ${JSON.stringify(value)}${where}`
    }),
    ...(missing.length === 0 ? [] : [`  missing: ${missing.join(', ')}`]),
  ]
}

/** Exit code `refused` when a turn was denied or failed. */
export async function takeTurns(
  call: Call,
  paths: readonly string[],
  options: { readonly domain?: string },
): Promise<ExitCode> {
  const domain = await chooseDomain(call, options.domain)
  return await eachFile(call, paths, async (agent, path, bytes) => {
    const result = (await domain.post(agent, '/v1/turns', bytes)) as unknown as TurnResult
    call.output.answer(paths.length === 1 ? result : { file: path, ...result }, turnLines(result))
    return result.outcome.kind === 'denied' || result.outcome.kind === 'failed' ? EXIT.refused : EXIT.ok
  })
}

function turnLines(result: TurnResult): readonly string[] {
  const { transcript, understood, outcome, effects, timings } = result
  const heard = transcript.kind === 'nothing' ? '(no speech)' : `“${transcript.text}”`
  return [
    `heard       ${heard} (${transcript.kind}, ${Math.round(transcript.confidence * 100)} %)`,
    ...(understood === null ? [] : understoodLines(result)),
    `outcome     ${outcome.kind}: ${outcome.say}`,
    ...effects.map(
      ({ action, verdict, provenance }) =>
        `record      ${provenance.recordId}  ${action}  ${verdict}  (policy ${provenance.policyVersion}, rule ${provenance.rule}, ${provenance.route.model})`,
    ),
    `took        ${Math.round(timings.endToOutcomeMs)} ms after the end of speech`,
    ...transcript.warnings.map((warning) => `note        ${warning}`),
  ]
}

function understoodLines({ understood, wishes }: TurnResult): readonly string[] {
  const line = (wish: { intent: string; slots: JsonObject; confidence: number }, how: string): string =>
    `understood  ${wish.intent} ${JSON.stringify(wish.slots)} (${Math.round(wish.confidence * 100)} %, ${how})`
  if (wishes.length > 1) return wishes.map((wish) => line(wish, wish.outcome.kind))
  return understood === null ? [] : [line(understood, `by ${understood.route}`)]
}

async function eachFile(
  call: Call,
  paths: readonly string[],
  use: (agent: AgentClient, path: string, bytes: Uint8Array) => Promise<ExitCode>,
): Promise<ExitCode> {
  const [first] = paths
  // A wrong name is told before anything is started for it.
  const early = first === undefined ? null : await readSound(first)
  return await withAgent(call, async (agent) => {
    let worst: ExitCode = EXIT.ok
    for (const [at, path] of paths.entries()) {
      const bytes = at === 0 && early !== null ? early : await readSound(path)
      const code = await use(agent, path, bytes)
      if (code !== EXIT.ok) worst = code
    }
    return worst
  })
}

async function readSound(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES)
      throw new FileUnreadable(`${path} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB`, {
        remedy: 'Cut it into parts of at most ten minutes.',
      })
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof StarlingError) throw cause
    throw new FileUnreadable(`${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the path of a WAV file that you may read.',
      cause,
    })
  }
}
