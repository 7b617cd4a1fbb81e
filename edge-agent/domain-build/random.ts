import { seeded } from '../../shared/seeded.ts'

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

export function seededRandom(seed: number): Random {
  const next = seeded(seed)
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
