/** How a word that no lexicon lists may sound, by its letters: a beam over the graphones that could spell it, likeliest first. */
import { BOUNDARY, GraphoneModel, refused } from './graphone-model.ts'

export interface SoundGuess {
  /** Phones of the CMU dictionary without stress, apart by spaces. */
  readonly phones: string
  /** Among the guesses that the beam kept. */
  readonly share: number
}

/** Ways to spell that are followed at each letter: 48 gave no lower error on held-out words than 24. */
const BEAM = 24
/** No name is longer: what comes after is not a word. */
const MAX_LETTERS = 40
export const MAX_GUESSES = 3
/** Of what the likeliest has. What is less likely is not listened for: each way to say a word is a way to mishear another. */
const LEAST_OF_BEST = 0.3

interface Path {
  readonly state: number
  readonly phones: string
  log: number
}

export class LetterSounds {
  readonly #model: GraphoneModel
  /** Letters -> the graphones that stand for them. */
  readonly #spelling = new Map<string, { readonly id: number; readonly phones: string }[]>()
  #longest = 1

  /** Throws ModelRefused when the file is damaged, or a golden word does not come out. */
  constructor(packed: Uint8Array) {
    this.#model = new GraphoneModel(packed)
    for (const [id, [letters, phones]] of this.#model.header.graphones.entries()) {
      if (id === BOUNDARY) continue
      this.#spelling.set(letters, [...(this.#spelling.get(letters) ?? []), { id, phones }])
      this.#longest = Math.max(this.#longest, letters.length)
    }
    for (const [word, wanted] of this.#model.header.golden) {
      const found = this.guess(word).map(({ phones }) => phones)
      if (found.join('|') !== wanted.join('|'))
        throw refused(`its golden word “${word}” came out as ${found.join(', ')}, not ${wanted.join(', ')}`)
    }
  }

  /** Up to {@link MAX_GUESSES}, likeliest first; none for what has other characters than a to z and the apostrophe. */
  guess(letters: string): readonly SoundGuess[] {
    if (letters.length > MAX_LETTERS || !/^[a-z']+$/.test(letters)) return []
    const reached = Array.from({ length: letters.length + 1 }, () => new Map<string, Path>())
    keep(reached[0], { state: this.#model.start, phones: '', log: 0 })
    for (let at = 0; at < letters.length; at += 1) {
      for (const path of best(reached[at]?.values() ?? []))
        for (let length = 1; length <= this.#longest && at + length <= letters.length; length += 1)
          for (const { id, phones } of this.#spelling.get(letters.slice(at, at + length)) ?? []) {
            const { state, log } = this.#model.step(path.state, id)
            const said = phones === '' ? path.phones : `${path.phones} ${phones}`
            keep(reached[at + length], { state, phones: said, log: path.log + log })
          }
      reached[at]?.clear()
    }
    return this.#ended([...(reached[letters.length]?.values() ?? [])])
  }

  /** The paths' ends, those that sound the same together. */
  #ended(paths: readonly Path[]): readonly SoundGuess[] {
    const most = paths.reduce((sum, { log }) => Math.max(sum, log), -Infinity)
    const likelihood = new Map<string, number>()
    for (const { state, phones, log } of paths) {
      const whole = Math.exp(log - most + this.#model.step(state, BOUNDARY).log)
      if (phones !== '') likelihood.set(phones.trim(), (likelihood.get(phones.trim()) ?? 0) + whole)
    }
    const all = [...likelihood].toSorted(([, a], [, b]) => b - a)
    const sum = all.reduce((total, [, share]) => total + share, 0)
    const least = (all[0]?.[1] ?? 0) * LEAST_OF_BEST
    return all
      .slice(0, MAX_GUESSES)
      .filter(([, share]) => share >= least)
      .map(([phones, share]) => ({ phones, share: share / sum }))
  }
}

/** Paths that sound the same and have the same ways on become one. */
function keep(paths: Map<string, Path> | undefined, path: Path): void {
  const key = `${path.state}${path.phones}`
  const known = paths?.get(key)
  if (known === undefined) paths?.set(key, path)
  else known.log = logSum(known.log, path.log)
}

function best(paths: Iterable<Path>): readonly Path[] {
  return [...paths].toSorted((a, b) => b.log - a.log).slice(0, BEAM)
}

function logSum(a: number, b: number): number {
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))
}
