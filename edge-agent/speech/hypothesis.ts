/** What a recogniser says about audio. */
export interface HeardWord {
  readonly word: string
  readonly startMs: number
  readonly endMs: number
  /** 0 to 1. */
  readonly confidence: number
  /** True when the word stood for an open arc: it was chosen from the open vocabulary, not from the grammar. */
  readonly open: boolean
  /** What the confidence was made of (see `confidence.ts`). */
  readonly evidence: readonly number[]
}

/** Another sentence that the audio could have been. */
export interface Alternative {
  readonly text: string
  /** Its share among the sentences that were considered, 0 to 1. */
  readonly share: number
}

export interface Timings {
  readonly audioMs: number
  /** Time inside ONNX Runtime alone. */
  readonly runtimeUs: number
  /** Everything the recogniser did for this stream. */
  readonly totalUs: number
  /** From the call of `finish` reaching the recogniser's thread to the result. */
  readonly finishUs: number
}

export interface Hypothesis {
  readonly kind: 'heard' | 'nothing' | 'rejected'
  readonly text: string
  readonly words: readonly HeardWord[]
  /** 0 to 1, of the whole utterance; of dictation the share of the words that are right. */
  readonly confidence: number
  readonly evidence: readonly number[]
  /** The best sentences, the first of them `text`; none when nothing was heard. */
  readonly alternatives: readonly Alternative[]
  readonly partialsCount: number
  readonly timings: Timings
}

export interface Partial {
  readonly text: string
  readonly words: readonly string[]
  /** The first so many words are final: no later partial and no result takes them back. */
  readonly stableWords: number
  /** How many of them stand for open arcs. */
  readonly openWords: number
  readonly audioMs: number
}
