/**
 * Fits the recogniser's confidence to `evidence.jsonl` (see `collect.ts`) and shows how it holds on voices it was not fitted on.
 * Its constants go into `edge-agent/speech/calibration.ts`.
 *
 *     node dist/edge-agent/models/training/confidence/fit.js evidence.jsonl
 */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { balanced, fit, reliability, type Example } from './logistic.ts'

const Row = v.object({
  said: v.string(),
  text: v.string(),
  right: v.boolean(),
  heldOut: v.boolean(),
  evidence: v.array(v.nullable(v.number())),
  words: v.array(v.object({ word: v.string(), evidence: v.array(v.nullable(v.number())), open: v.boolean() })),
})
type Row = v.InferOutput<typeof Row>

const numbers = (list: readonly (number | null)[]): number[] => list.map((x) => x ?? 0)

function utterances(rows: readonly Row[]): Example[] {
  return rows
    .filter(({ evidence, words: heard }) => evidence.length > 0 && heard.every(({ open }) => !open))
    .map(({ evidence, right }) => ({ evidence: numbers(evidence), right }))
}

function words(rows: readonly Row[], isOpen: boolean): Example[] {
  return rows.flatMap(({ words: heard, said }) => {
    const isRight = matched(said.split(' '), heard.map(({ word }) => word))
    return heard.flatMap(({ evidence, open }, at) =>
      open === isOpen ? [{ evidence: numbers(evidence), right: isRight[at] === true }] : [],
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

function show(name: string, fitted: readonly Example[], heldOut: readonly Example[]): void {
  const calibration = fit(fitted)
  console.log(`\nexport const ${name}: Calibration = ${JSON.stringify(calibration)}`)
  for (const [where, examples] of [
    ['fitted voices', fitted],
    ['held-out voices', heldOut],
  ] as const) {
    const { bins, error, separation } = reliability(calibration, examples)
    const right = examples.filter((example) => example.right).length
    console.log(
      `${where}: ${examples.length}, ${right} right; expected calibration error ${error.toFixed(4)}, separation ${separation.toFixed(4)}`,
    )
    for (const bin of bins)
      if (bin.count > 0)
        console.log(
          `  said ${bin.said.toFixed(3)}  so ${bin.right.toFixed(3)}  of ${bin.count.toFixed(0).padStart(5)}`,
        )
  }
}

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('usage: fit.js evidence.jsonl')
const rows = readFileSync(path, 'utf8')
  .trim()
  .split('\n')
  .map((line) => v.parse(Row, JSON.parse(line)))
const fitted = rows.filter(({ heldOut }) => !heldOut)
const heldOut = rows.filter((row) => row.heldOut)
show('WORD_CALIBRATION', words(fitted, false), words(heldOut, false))
show('OPEN_WORD_CALIBRATION', words(fitted, true), words(heldOut, true))
// How often people say what a grammar holds is not known here: neither is taken for likelier.
show('UTTERANCE_CALIBRATION', balanced(utterances(fitted)), balanced(utterances(heldOut)))
