/**
 * What was said in a slot for any words, heard once more by dictation. A grammar's own language model is small, so that commands stay
 * commands; what a technician wants noted is plain English. Dictation begins when partials show that words are being noted, so
 * that little is left to do when the speaker ends; else it begins there.
 */
import type { HeardWord, Partial } from '../speech/hypothesis.ts'
import { RecogniserBusy } from '../speech/errors.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import type { SpeechStream, StreamOptions } from '../speech/speech-stream.ts'

/** Open words in a partial from which on something is being noted: fewer are soon taken back. */
const NOTED = 3
/** Of audio that is longer than this the words stay as the grammar heard them. */
const MOST_KEPT_S = 120

export interface Dictation {
  readonly recogniser: Recogniser
  /** The name of the grammar of any words; loaded when it is first asked for. */
  grammar(): Promise<string>
}

/** An utterance that may turn out to hold a note. */
export class NoteTaking {
  readonly #dictation: Dictation
  readonly #options: StreamOptions
  readonly #kept: Float32Array[] = []
  #keptS = 0
  #taking: Promise<readonly HeardWord[] | null> | null = null
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
   * The words with what is noted among them as dictation heard it. They stay as they are where nothing is noted, where the recogniser
   * can take on no more, and where dictation heard nothing.
   */
  async noted(words: readonly HeardWord[]): Promise<readonly HeardWord[]> {
    if (!words.some(({ open }) => open) || this.#keptS > MOST_KEPT_S) {
      this.stop()
      return words
    }
    this.#hasEnded = true
    this.#begin()
    this.#wake()
    const dictated = await this.#taking
    return dictated === null ? words : withDictated(words, dictated)
  }

  /** What is noted is no longer wanted. */
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

  async #take(): Promise<readonly HeardWord[] | null> {
    const grammar = await this.#dictation.grammar()
    if (this.#isStopped) return null
    try {
      const stream = this.#dictation.recogniser.open(grammar, this.#options)
      this.#stream = stream
      for (let at = 0; !this.#isStopped;) {
        const block = this.#kept[at]
        if (block !== undefined) {
          await stream.push(block)
          at += 1
        } else if (this.#hasEnded) return (await stream.finish()).words
        else await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } catch (thrown) {
      if (!(thrown instanceof RecogniserBusy)) throw thrown
    }
    return null
  }
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
