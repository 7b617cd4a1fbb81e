/** What versions counted beside the present ones, summed over the shadows that a restart or a new try ended. */

/** Inputs that a version had beside the present one, and on how many it did worse or better. */
export interface Shadowed {
  readonly inputs: number
  readonly worse: number
  readonly better: number
}

const NONE: Shadowed = { inputs: 0, worse: 0, better: 0 }

export class ShadowTotals {
  readonly #held = new Map<string, { readonly before: Shadowed; readonly last: Shadowed }>()

  /** The total of `key` now that its shadow stands at `counts`; `told` is the total that was told last. */
  total(key: string, counts: Shadowed, told: Shadowed = NONE): Shadowed {
    const held = this.#held.get(key)
    // Counts that fell are those of a new shadow: they go on from what was told.
    const before = held === undefined || counts.inputs < held.last.inputs ? told : held.before
    this.#held.set(key, { before, last: counts })
    return {
      inputs: before.inputs + counts.inputs,
      worse: before.worse + counts.worse,
      better: before.better + counts.better,
    }
  }
}
