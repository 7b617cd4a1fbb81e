/** `starling speech eval`: what the models do on recordings with known answers; with thresholds, the gate of a bundle. */
import { fileURLToPath } from 'node:url'
import { StarlingError } from '../../../shared/errors.ts'
import { openDomainUnderTest } from '../../evaluation/domain-under-test.ts'
import { evaluate, type EvaluationReport } from '../../evaluation/evaluate.ts'
import { gate, type Gated, parseThreshold } from '../../evaluation/gate.ts'
import { readManifest } from '../../evaluation/manifest.ts'
import type { Outcome } from '../../evaluation/outcome.ts'
import { openNoise } from '../../evaluation/recording.ts'
import { reportLines } from '../../evaluation/report-lines.ts'
import { MODEL_FOLDERS } from '../../models/shipped.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'

export interface SpeechEvalOptions {
  readonly manifest: string
  readonly domain?: string
  readonly noise?: string
  readonly snr?: number
  readonly seed: number
  readonly set?: string
  readonly limit?: number
  readonly streams: number
  readonly model?: string
  readonly atLeast: readonly string[]
  readonly atMost: readonly string[]
  readonly verbose: boolean
}

/** The options do not go together. */
export class OptionsRefused extends StarlingError {
  override readonly code = 'options_refused'
}

/** Exit code `refused` when a threshold is not reached, or nothing was there to compute it from. */
export async function speechEval(call: Call, options: SpeechEvalOptions): Promise<ExitCode> {
  const thresholds = [
    ...options.atLeast.map((text) => parseThreshold(text, '>=')),
    ...options.atMost.map((text) => parseThreshold(text, '<=')),
  ]
  const noise = noiseOf(options)
  const { entries, ignoredKeys } = readManifest(options.manifest)
  for (const [key, count] of Object.entries(ignoredKeys))
    call.output.progress(`"${key}" means nothing here and is ignored (on ${count} lines)`)
  const chosen = entries
    .filter(({ set }) => options.set === undefined || set === options.set)
    .slice(0, options.limit)
  const report = await evaluate({
    entries: chosen,
    domain: options.domain === undefined ? null : openDomainUnderTest(options.domain),
    modelDir: options.model ?? fileURLToPath(MODEL_FOLDERS.speech),
    noise,
    streams: options.streams,
    signal: call.signal,
    onProgress: (done, of) => call.output.progress(`${done} of ${of} recordings`),
    ...(options.verbose ? { onOutcome: (outcome: Outcome) => tell(call, outcome) } : {}),
  })
  const gated = gate(report, thresholds)
  answer(call, { options, ignoredKeys, report, gated })
  return gated.every(({ holds }) => holds) ? EXIT.ok : EXIT.refused
}

function noiseOf(options: SpeechEvalOptions): ReturnType<typeof openNoise> | null {
  const { noise, snr, seed } = options
  if (noise === undefined && snr === undefined) return null
  if (noise === undefined || snr === undefined)
    throw new OptionsRefused('--noise and --snr belong together', {
      remedy: 'Give both, for instance: --noise kitchen.wav --snr 6',
    })
  return openNoise(noise, { snrDb: snr, seed })
}

function answer(
  call: Call,
  o: {
    readonly options: SpeechEvalOptions
    readonly ignoredKeys: Readonly<Record<string, number>>
    readonly report: EvaluationReport
    readonly gated: readonly Gated[]
  },
): void {
  const { options, ignoredKeys, report, gated } = o
  const condition =
    options.noise === undefined ? null : { noise: options.noise, snrDb: options.snr, seed: options.seed }
  const value = { manifest: options.manifest, ignoredKeys, noise: condition, ...report, gate: gated }
  call.output.answer(value, reportLines(report, gated))
}

function tell(call: Call, { entry, played, accepted, right, reading }: Outcome): void {
  if (accepted && right) return
  const { kind, confidence, text } = played.hypothesis
  const expected = entry.text ?? `${entry.intent ?? 'no command'} ${JSON.stringify(entry.slots)}`
  call.output.progress(
    `${entry.audio}: ${kind} (${confidence}) "${text}" ${JSON.stringify(reading)}, expected ${expected}`,
  )
}
