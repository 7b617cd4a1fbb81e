/** Chance by a seed, so that a domain that is built twice comes out the same. */
export interface Random {
  /** From 0 to 1, without 1. */
  next(): number
  /** A whole number under `limit`. */
  below(limit: number): number
  pick<T>(items: readonly [T, ...T[]]): T
  pick<T>(items: readonly T[]): T | undefined
  shuffle<T>(items: readonly T[]): T[]
}

/** Mulberry32: small and good enough to shuffle. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
    shuffle: <T>(items: readonly T[]) => {
      const out = [...items]
      for (let at = out.length - 1; at > 0; at -= 1) {
        const other = below(at + 1)
        const held = out[at] as T
        out[at] = out[other] as T
        out[other] = held
      }
      return out
    },
  }
}
