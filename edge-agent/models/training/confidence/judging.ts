/** What a fitted confidence is worth on voices that it was not fitted to, and the evidence that it is fitted to. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import type { Calibration } from '../../../speech/calibration.ts'
import { type Example, reliability, scored, type Scored } from './logistic.ts'

/** Voices are held out a fifth of them at a time. */
const TURNS = 5
/** The voice of a sound in which nobody spoke. */
const NOBODY = 'nobody'

const Row = v.object({
  voice: v.string(),
  said: v.string(),
  text: v.string(),
  right: v.boolean(),
  heldOut: v.boolean(),
  evidence: v.array(v.nullable(v.number())),
  words: v.array(v.object({ word: v.string(), evidence: v.array(v.nullable(v.number())), open: v.boolean() })),
})
export type Row = v.InferOutput<typeof Row>

export const numbers = (list: readonly (number | null)[]): number[] => list.map((x) => x ?? 0)

export function words(rows: readonly Row[], isOpen: boolean): Of[] {
  return rows.flatMap(({ voice, heldOut, words: heard, said }) => {
    const isRight = matched(said.split(' '), heard.map(({ word }) => word))
    return heard.flatMap(({ evidence, open }, at) =>
      open === isOpen
        ? [{ voice, isKnown: !heldOut, example: { evidence: numbers(evidence), right: isRight[at] === true } }]
        : [],
    )
  })
}

/** Which of the heard words a best alignment finds among those that were said. */
function matched(said: readonly string[], heard: readonly string[]): boolean[] {
  const best = Array.from({ length: said.length + 1 }, () => new Int32Array(heard.length + 1))
  const at = (i: number, j: number): number => best[i]?.[j] ?? 0
  for (let i = said.length - 1; i >= 0; i--)
    for (let j = heard.length - 1; j >= 0; j--) {
      const row = best[i]
      if (row !== undefined)
        row[j] = said[i] === heard[j] ? 1 + at(i + 1, j + 1) : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const found = heard.map(() => false)
  for (let i = 0, j = 0; i < said.length && j < heard.length;) {
    if (said[i] === heard[j]) {
      found[j] = true
      i++
      j++
    } else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return found
}

export interface Of {
  readonly voice: string
  readonly isKnown: boolean
  readonly example: Example
}

type Fit = (examples: readonly Example[]) => Calibration

/** What is said of each voice by a fit to the others. */
function heldOutInTurn(all: readonly Of[], fitted: Fit): { readonly known: Scored[]; readonly unknown: Scored[] } {
  const voices = [...new Set(all.map(({ voice }) => voice))].sort()
  const [known, unknown]: [Scored[], Scored[]] = [[], []]
  for (let turn = 0; turn < TURNS; turn++) {
    // Sounds in which nobody spoke have no voice: they are dealt out one by one.
    const isOut = ({ voice }: Of, at: number) => (voice === NOBODY ? at : voices.indexOf(voice)) % TURNS === turn
    const calibration = fitted(all.filter((one, at) => !isOut(one, at)).map(({ example }) => example))
    for (const [at, one] of all.entries())
      if (isOut(one, at)) (one.isKnown ? known : unknown).push(...scored(calibration, [one.example]))
  }
  return { known, unknown }
}

/** How well it holds, in numbers and bin by bin. */
export function judgedBy(name: string, all: readonly Of[], fitted: Fit): readonly Figure[] {
  const { known, unknown } = heldOutInTurn(all, fitted)
  return (
    [
      ['each voice by a fit to the others', [...known, ...unknown]],
      ['of them, those that the acoustic model was not trained on either', unknown],
    ] as const
  ).map(([judged, examples]) => {
    const { bins, error, separation } = reliability(examples)
    const right = examples.filter((example) => example.right).length
    console.log(
      `${name}, ${judged}: ${examples.length}, ${right} right; expected calibration error ${error.toFixed(4)}, separation ${separation.toFixed(4)}`,
    )
    for (const bin of bins)
      if (bin.count > 0)
        console.log(
          `  said ${bin.said.toFixed(3)}  so ${bin.right.toFixed(3)}  of ${bin.count.toFixed(0).padStart(5)}`,
        )
    return { of: name, judged, count: examples.length, right, calibrationError: round(error), separation: round(separation) }
  })
}

export interface Figure {
  readonly of: string
  readonly judged: string
  readonly count: number
  readonly right: number
  readonly calibrationError: number
  readonly separation: number
}

function round(value: number): number {
  return Math.round(10_000 * value) / 10_000
}

export function rowsOf(paths: readonly string[]): readonly Row[] {
  return paths.flatMap((path) =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => v.parse(Row, JSON.parse(line))),
  )
}

export const examplesOf = (all: readonly Of[]): readonly Example[] => all.map(({ example }) => example)
