/** A text that is rewritten piece by piece and still knows, of each character, which characters of the original it came from. */
export class TracedText {
  readonly text: string
  /** Where the original of each character begins, and where it ends. */
  readonly #starts: readonly number[]
  readonly #ends: readonly number[]

  private constructor(text: string, starts: readonly number[], ends: readonly number[]) {
    this.text = text
    this.#starts = starts
    this.#ends = ends
  }

  /** Compatibility forms made one (NFKC): a full-width digit is a digit, `℃` is `°C`. */
  static normalised(original: string): TracedText {
    const [starts, ends]: [number[], number[]] = [[], []]
    let text = ''
    // A letter and its accents are normalised together.
    for (const { 0: cluster, index } of original.matchAll(/\P{M}\p{M}*|\p{M}+/gsu)) {
      const normal = cluster.normalize('NFKC')
      text += normal
      for (let at = 0; at < normal.length; at += 1) {
        starts.push(index)
        ends.push(index + cluster.length)
      }
    }
    return new TracedText(text, starts, ends)
  }

  /** Like String.replace; a replacement comes from all that it replaced, save a beginning that both share. */
  replace(pattern: RegExp, replacement: (match: RegExpMatchArray) => string): TracedText {
    const [starts, ends]: [number[], number[]] = [[], []]
    let text = ''
    let done = 0
    const keep = (to: number): void => {
      text += this.text.slice(done, to)
      for (; done < to; done += 1) {
        starts.push(this.#starts[done] ?? 0)
        ends.push(this.#ends[done] ?? 0)
      }
    }
    for (const match of this.text.matchAll(pattern)) {
      const [from, to] = [match.index, match.index + match[0].length]
      const written = replacement(match)
      let shared = 0
      while (shared < written.length && from + shared < to && written[shared] === this.text[from + shared])
        shared += 1
      keep(from + shared)
      for (let at = shared; at < written.length; at += 1) {
        starts.push(this.#starts[done] ?? this.#starts.at(-1) ?? 0)
        ends.push(this.#ends[to - 1] ?? 0)
      }
      text += written.slice(shared)
      done = to
    }
    keep(this.text.length)
    return new TracedText(text, starts, ends)
  }

  /** Where `from` to `to` of this text stands in the original. */
  originalOf(from: number, to: number): { readonly start: number; readonly end: number } {
    return { start: this.#starts[from] ?? 0, end: this.#ends[to - 1] ?? 0 }
  }
}
