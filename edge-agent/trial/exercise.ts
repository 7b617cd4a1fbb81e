/**
 * Real work for a model that has just been opened: a sentence that somebody spoke, sentences that its domain knows. A smoke
 * test takes the time of it; before a swap it makes the new model as quick as the one that runs (compiled code, filled
 * caches, grown arenas), so that no person waits for that.
 */
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../shared/package-root.ts'
import type { Understanding } from '../intent/understanding.ts'
import type { KnownNames } from '../grammar/compile.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import { readWav } from '../speech/wav.ts'
import type { Ears } from '../turn/ports.ts'

/** The shipped recording: a technician's sentence. */
const SPOKEN = new URL('edge-agent/cli/demo/audio/log.wav', packageRoot())
/** 100 ms at the recording's 16 kHz, as a microphone's blocks come. */
const BLOCK_SAMPLES = 1_600
/** Sentences of a domain that are tried: enough to pass through the whole of it. */
const MAX_SENTENCES = 12
const GRAMMAR = 'trial'
const ONE_WORD: WordGraph = {
  start: 0,
  stateCount: 2,
  finals: new Set([1]),
  arcs: [{ from: 0, to: 1, word: 'yes', logWeight: 0 }],
}

/** Hears the recording once; resolves to the milliseconds that it took, and that were spoken. */
export async function hearOnce(
  ears: Ears,
  signal: AbortSignal,
): Promise<{ readonly tookMs: number; readonly spokenMs: number }> {
  const { samples, sampleRate, durationS } = readWav(readFileSync(SPOKEN))
  async function* blocks(): AsyncGenerator<Float32Array> {
    for (let at = 0; at < samples.length; at += BLOCK_SAMPLES) yield samples.slice(at, at + BLOCK_SAMPLES)
  }
  const startedMs = performance.now()
  await ears.listen(
    { kind: 'wav', sampleRateHz: sampleRate, warnings: [], blocks: blocks() },
    { onPartial: () => undefined, signal },
  )
  return { tookMs: performance.now() - startedMs, spokenMs: durationS * 1_000 }
}

/** A grammar of one word, for a recogniser that has none yet. */
export async function loadTrialGrammar(recogniser: Recogniser): Promise<string> {
  await recogniser.loadGrammar(GRAMMAR, ONE_WORD, {}, { guess: true })
  return GRAMMAR
}

/** Understands sentences of the domain's own; resolves to the milliseconds that each took. */
export async function understandSome(
  understanding: Understanding,
  names: KnownNames,
): Promise<readonly number[]> {
  const took: number[] = []
  for (const { phrase } of understanding.domain.intents.slice(0, MAX_SENTENCES)) {
    // As the domain says it, which its grammar reads; and as nobody wrote it down, which takes the whole way.
    for (const sentence of [phrase, `well ${phrase} for pump seven then please`]) {
      const startedMs = performance.now()
      await understanding.understand(sentence, names)
      took.push(performance.now() - startedMs)
    }
  }
  return took
}

/** How often: until compiled code and caches are what they will be. A sentence is heard in a second, understood in milliseconds. */
const HEARD_ROUNDS = 2
const UNDERSTOOD_ROUNDS = 10

/** Has new ears and a new understanding work as turns will have them work. */
export async function warmUp(
  ears: Ears,
  {
    understanding,
    names,
    signal,
  }: {
    readonly understanding: Understanding
    readonly names: KnownNames
    readonly signal: AbortSignal
  },
): Promise<void> {
  for (let round = 0; round < HEARD_ROUNDS; round += 1) await hearOnce(ears, signal)
  for (let round = 0; round < UNDERSTOOD_ROUNDS; round += 1) await understandSome(understanding, names)
}
