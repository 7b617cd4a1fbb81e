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
  /** The acoustic model was taught by other voices. */
  heldOut: v.boolean(),
  /** Somebody spoke, and no synthesiser. */
  isPerson: v.optional(v.boolean(), false),
  evidence: v.array(v.nullable(v.number())),
  words: v.array(v.object({ word: v.string(), evidence: v.array(v.nullable(v.number())), open: v.boolean() })),
})
export type Row = v.InferOutput<typeof Row>

export const numbers = (list: readonly (number | null)[]): number[] => list.map((x) => x ?? 0)

export function words(rows: readonly Row[], isOpen: boolean): Of[] {
  return rows.flatMap(({ words: heard, said, ...row }) => {
    const isRight = matched(said.split(' '), heard.map(({ word }) => word))
    return heard.flatMap(({ evidence, open }, at) =>
      open === isOpen
        ? [{ voice: row.voice, who: whoOf(row), example: { evidence: numbers(evidence), right: isRight[at] === true } }]
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

/** Whose voice it is: one that the acoustic model was taught by, another synthetic one, or somebody's. */
type Who = 'taught' | 'held out' | 'person'

export function whoOf({ heldOut, isPerson }: Pick<Row, 'heldOut' | 'isPerson'>): Who {
  if (isPerson) return 'person'
  return heldOut ? 'held out' : 'taught'
}

export interface Of {
  readonly voice: string
  readonly who: Who
  readonly example: Example
}

type Fit = (examples: readonly Example[]) => Calibration

/** What is said of each voice by a fit to the others. */
function heldOutInTurn(all: readonly Of[], fitted: Fit): readonly (Scored & { readonly who: Who })[] {
  const voices = [...new Set(all.map(({ voice }) => voice))].sort()
  return Array.from({ length: TURNS }, (_, turn) => {
    // Sounds in which nobody spoke have no voice: they are dealt out one by one.
    const isOut = ({ voice }: Of, at: number) => (voice === NOBODY ? at : voices.indexOf(voice)) % TURNS === turn
    const calibration = fitted(all.filter((one, at) => !isOut(one, at)).map(({ example }) => example))
    return all.filter(isOut).flatMap(({ who, example }) => scored(calibration, [example]).map((one) => ({ ...one, who })))
  }).flat()
}

/** How well it holds, in numbers and bin by bin; `least`: what is surer is heard. */
export function judgedBy(name: string, all: readonly Of[], fitted: Fit, least?: number): readonly Figure[] {
  const judged = heldOutInTurn(all, fitted)
  return (
    [
      ['each voice by a fit to the others', judged],
      ['of them, synthetic ones that the acoustic model was not taught by', judged.filter(({ who }) => who === 'held out')],
      ['of them, people', judged.filter(({ who }) => who === 'person')],
    ] as const
  )
    .filter(([, examples]) => examples.length > 0)
    .map(([whom, examples]) => figureOf({ name, whom, least }, examples))
}

function figureOf(
  { name, whom, least }: { readonly name: string; readonly whom: string; readonly least: number | undefined },
  examples: readonly Scored[],
): Figure {
  const { bins, error, separation } = reliability(examples)
  const [right, wrong] = [examples.filter((one) => one.right), examples.filter((one) => !one.right)]
  console.log(
    `${name}, ${whom}: ${examples.length}, ${right.length} right; expected calibration error ${error.toFixed(4)}, separation ${separation.toFixed(4)}`,
  )
  for (const bin of bins)
    if (bin.count > 0)
      console.log(`  said ${bin.said.toFixed(3)}  so ${bin.right.toFixed(3)}  of ${bin.count.toFixed(0).padStart(5)}`)
  const figure = {
    of: name,
    judged: whom,
    count: examples.length,
    right: right.length,
    calibrationError: round(error),
    separation: round(separation),
  }
  if (least === undefined) return figure
  const over = (those: readonly Scored[]): number => round(those.filter(({ said }) => said >= least).length / those.length)
  const heard = { least, right: over(right), wrong: over(wrong) }
  console.log(`  surer than ${least}: ${heard.right} of the right ones, ${heard.wrong} of the wrong ones`)
  return { ...figure, heard }
}

export interface Figure {
  readonly of: string
  readonly judged: string
  readonly count: number
  readonly right: number
  readonly calibrationError: number
  readonly separation: number
  /** What share of the right ones and of the wrong ones a recogniser hears that rejects what is less sure. */
  readonly heard?: { readonly least: number; readonly right: number; readonly wrong: number }
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
