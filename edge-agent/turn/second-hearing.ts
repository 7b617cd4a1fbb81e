/**
 * What a grammar alone does not settle is heard once more, by dictation: a note, whose words are plain English and not the grammar's,
 * and what none of its sentences fits well, which may be a wish in other words. Of such a wish the mind makes what it can, and whoever
 * spoke is asked. Dictation begins when partials show that words are being noted, so that little is left to do when the speaker ends;
 * else it begins there, and a command that was heard surely never waits for it.
 */
import type { HeardWord, Hypothesis, Partial } from '../speech/hypothesis.ts'
import { ModelRefused, RecogniserBusy } from '../speech/errors.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import type { SpeechStream, StreamOptions } from '../speech/speech-stream.ts'

/** Open words in a partial from which on something is being noted: fewer are soon taken back. */
const NOTED = 3
/** Audio that is longer than this is heard once. */
const MOST_KEPT_S = 120
/** Sentences that are surer than this are acted on by the policy that ships: they stand. */
const SURE = 0.75
/** Sentences with any words in them are never that sure; below this the words around them are doubtful too. */
const SURE_OF_NOTE = 0.4
/** Dictation knows how many of its words are right, the grammar whether all of them are: the former is always the larger. */
const MARGIN = 0.1
/** Nats a word of a name: half of what a call's own phrases have, as most utterances hold no name. */
const NAME_BOOST = 12
/** What is heard freely is never as sure as it takes to act: the speaker is asked. */
const FREE_CEILING = 0.7

export interface Dictation {
  readonly recogniser: Pick<Recogniser, 'open'>
  /** The name of the grammar of any words; loaded when it is first asked for. */
  grammar(): Promise<string>
  /** What has a name of several words here, and is likelier to be said than words are at large. */
  readonly names: readonly string[]
}

/** An utterance that may have to be heard twice. */
export class SecondHearing {
  readonly #dictation: Dictation
  readonly #options: StreamOptions
  readonly #kept: Float32Array[] = []
  #keptS = 0
  #taking: Promise<Hypothesis | null> | null = null
  #stream: SpeechStream | null = null
  #hasEnded = false
  #isStopped = false
  #wake: () => void = () => undefined

  constructor(dictation: Dictation, options: StreamOptions) {
    this.#dictation = dictation
    this.#options = options
  }

  /** Takes a block of the audio that the grammar hears too. */
  push(block: Float32Array): void {
    this.#keptS += block.length / this.#options.sampleRate
    // A copy: what is handed to a stream is gone.
    if (this.#keptS <= MOST_KEPT_S) this.#kept.push(block.slice())
    this.#wake()
  }

  /** Begins to dictate once words are being noted. */
  see({ openWords }: Partial): void {
    if (openWords >= NOTED) this.#begin()
  }

  /**
   * What was said, by both hearings: `found` as it is where it is sure, where the recogniser can take on no more, and where dictation
   * heard nothing or has no model. Throws that there is none when something was noted, which only dictation can hear.
   */
  async settled(found: Hypothesis): Promise<Hypothesis> {
    const isNote = found.kind === 'heard' && found.words.some(({ open }) => open)
    if (this.#keptS > MOST_KEPT_S || !(isNote || isDoubtful(found, SURE))) {
      this.stop()
      return found
    }
    this.#hasEnded = true
    this.#begin()
    this.#wake()
    const dictated = await this.#taking?.catch((thrown: unknown) => {
      if (isNote || !(thrown instanceof ModelRefused)) throw thrown
      return null
    })
    if (dictated === null || dictated === undefined) return found
    if (isDoubtful(found, isNote ? SURE_OF_NOTE : SURE) && isSurer(dictated, found)) return free(dictated)
    return isNote ? withWords(found, withDictated(found.words, dictated.words)) : found
  }

  /** A second hearing is no longer wanted. */
  stop(): void {
    this.#isStopped = true
    this.#stream?.abort()
    this.#wake()
  }

  #begin(): void {
    if (this.#taking !== null || this.#isStopped) return
    this.#taking = this.#take()
    // Whoever stops does not ask how it went; whoever asks is told.
    this.#taking.catch(() => this.stop())
  }

  #open(grammar: string): SpeechStream {
    const { recogniser, names } = this.#dictation
    const bias = names.length === 0 ? {} : { bias: { phrases: names, boost: NAME_BOOST } }
    return recogniser.open(grammar, { ...this.#options, ...bias })
  }

  async #take(): Promise<Hypothesis | null> {
    const grammar = await this.#dictation.grammar()
    if (this.#isStopped) return null
    try {
      const stream = this.#open(grammar)
      this.#stream = stream
      for (let at = 0; !this.#isStopped;) {
        const block = this.#kept[at]
        if (block !== undefined) {
          await stream.push(block)
          at += 1
        } else if (this.#hasEnded) return await stream.finish()
        else await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } catch (thrown) {
      if (!(thrown instanceof RecogniserBusy)) throw thrown
    }
    return null
  }
}

function isDoubtful({ kind, confidence }: Hypothesis, sure: number): boolean {
  return kind === 'rejected' || (kind === 'heard' && confidence < sure)
}

function isSurer(dictated: Hypothesis, found: Hypothesis): boolean {
  if (dictated.kind !== 'heard' || dictated.words.length === 0) return false
  return found.kind === 'rejected' || dictated.confidence > found.confidence + MARGIN
}

function free(dictated: Hypothesis): Hypothesis {
  return { ...dictated, confidence: Math.min(dictated.confidence, FREE_CEILING), alternatives: [] }
}

function withWords(found: Hypothesis, words: readonly HeardWord[]): Hypothesis {
  return { ...found, words, text: words.map(({ word }) => word).join(' ') }
}

/** Runs of open words as dictation heard what was said between the words around them. */
export function withDictated(
  words: readonly HeardWord[],
  dictated: readonly HeardWord[],
): readonly HeardWord[] {
  const out: HeardWord[] = []
  for (let at = 0; at < words.length;) {
    const word = words[at] as HeardWord
    if (!word.open) {
      out.push(word)
      at += 1
      continue
    }
    const end = words.findIndex(({ open }, later) => later > at && !open)
    const to = end === -1 ? words.length : end
    const [afterMs, beforeMs] = [words[at - 1]?.endMs ?? -Infinity, words[to]?.startMs ?? Infinity]
    const between = dictated.filter(({ startMs, endMs }) => {
      const middleMs = (startMs + endMs) / 2
      return middleMs >= afterMs && middleMs <= beforeMs
    })
    out.push(...(between.length === 0 ? words.slice(at, to) : between))
    at = to
  }
  return out
}
