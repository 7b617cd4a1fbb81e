/** Plays a manifest to the recogniser and states the figures. Nothing here acts: no kernel, no journal, no policy. */
import { openRecogniser } from '../speech/recogniser.ts'
import { loadDictation } from './dictation-under-test.ts'
import type { DomainUnderTest } from './domain-under-test.ts'
import { type Entry, ManifestRefused } from './manifest.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { inStreams, play } from './playing.ts'
import { type NoiseSource, recordingOf } from './recording.ts'
import { type Summary, summarise } from './summary.ts'

/** The longest time without a word on how far it is. */
const PROGRESS_EVERY = 25
const GRAMMAR = 'evaluated'

export interface Evaluation {
  readonly entries: readonly Entry[]
  /** Null for open dictation, judged by its words alone. */
  readonly domain: DomainUnderTest | null
  readonly modelDir: string
  readonly noise: NoiseSource | null
  /** Recordings played at once. */
  readonly streams: number
  readonly signal: AbortSignal
  onProgress(done: number, of: number): void
  /** Each outcome as it comes, in no order. */
  onOutcome?(outcome: Outcome): void
}

export interface EvaluationReport {
  readonly model: { readonly name: string; readonly digest: string }
  /** Null for open dictation. */
  readonly domain: string | null
  readonly streams: number
  readonly overall: Summary
  /** One a set of the manifest, when it names more than one. */
  readonly sets: Readonly<Record<string, Summary>>
  readonly cost: {
    /** Processor seconds of the recogniser's threads a second of audio. */
    readonly realTimeFactor: number | null
    /** The most that this process held, recogniser, recordings and all. */
    readonly peakMemoryMb: number
  }
}

/** Throws what opening the model and the recordings throws; a recording that cannot be read ends it. */
export async function evaluate(o: Evaluation): Promise<EvaluationReport> {
  if (o.entries.length === 0)
    throw new ManifestRefused('no recording is left to play', { remedy: 'Widen --set or --limit.' })
  if (o.domain === null && o.entries.every(({ text }) => text === null))
    throw new ManifestRefused('without a domain recordings are judged by their words, and none says them', {
      remedy: 'Give each line its "text", or give the domain of the commands with --domain FILE.yaml.',
    })
  const recogniser = await openRecogniser({ modelDir: o.modelDir, signal: o.signal })
  try {
    if (o.domain === null) await loadDictation(recogniser, GRAMMAR)
    else await o.domain.load(recogniser, GRAMMAR)
    const before = await recogniser.processorMs()
    let done = 0
    const outcomes = await inStreams(o.entries, o, async (entry, turn) => {
      const clean = recordingOf(entry)
      const sound = o.noise === null ? clean : o.noise.mix(clean, turn)
      const outcome = outcomeOf(entry, await play(recogniser, GRAMMAR, sound), o.domain)
      o.onOutcome?.(outcome)
      done++
      if (done % PROGRESS_EVERY === 0 || done === o.entries.length) o.onProgress(done, o.entries.length)
      return outcome
    })
    const spentMs = (await recogniser.processorMs()) - before
    const overall = summarise(outcomes, o.domain !== null)
    return {
      model: { name: recogniser.facts.name, digest: recogniser.facts.digest },
      domain: o.domain?.name ?? null,
      streams: o.streams,
      overall,
      sets: summariesBySet(outcomes, o.domain !== null),
      cost: {
        realTimeFactor: overall.audioS === 0 ? null : spentMs / 1_000 / overall.audioS,
        peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1_024),
      },
    }
  } finally {
    await recogniser.close()
  }
}

function summariesBySet(outcomes: readonly Outcome[], hasDomain: boolean): Record<string, Summary> {
  const names = [...new Set(outcomes.map(({ entry }) => entry.set))]
  if (names.length < 2) return {}
  return Object.fromEntries(
    names.map((name) => [
      name,
      summarise(
        outcomes.filter(({ entry }) => entry.set === name),
        hasDomain,
      ),
    ]),
  )
}
