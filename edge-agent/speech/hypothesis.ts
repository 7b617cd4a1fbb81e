/** What a recogniser says about audio. */
export interface HeardWord {
  readonly word: string
  readonly startMs: number
  readonly endMs: number
  /** 0 to 1. */
  readonly confidence: number
  /** True when the word stood for an open arc: it was chosen from the open vocabulary, not from the grammar. */
  readonly open: boolean
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
  /** 0 to 1, of the whole utterance. */
  readonly confidence: number
  readonly partialsCount: number
  readonly timings: Timings
}

export interface Partial {
  readonly text: string
  readonly words: readonly string[]
  readonly audioMs: number
}
