/**
 * Fits the recogniser's confidence to what `collect.ts` wrote and shows how it holds on voices that it was not fitted on: each voice
 * is judged by a fit to the others, and what ships is fitted to all. Its constants go into a file.
 *
 *     node dist/edge-agent/models/training/confidence/fit.js calibrations.json evidence.jsonl...
 */
import { writeFileSync } from 'node:fs'
import type { Calibrations } from '../../../speech/shipped-calibrations.ts'
import { examplesOf, judgedBy, numbers, type Of, type Row, rowsOf, words } from './judging.ts'
import { balanced, fit } from './logistic.ts'
import { fitNet } from './small-net.ts'

/** How often people say what a grammar holds is not known here: right ones and wrong ones count alike. */
function utterances(rows: readonly Row[]): Of[] {
  const judged = rows.filter(
    ({ evidence, words: heard }) => evidence.length > 0 && heard.every(({ open }) => !open),
  )
  const examples = balanced(judged.map(({ evidence, right }) => ({ evidence: numbers(evidence), right })))
  return judged.flatMap(({ voice, heldOut }, at) => {
    const example = examples[at]
    return example === undefined ? [] : [{ voice, isKnown: !heldOut, example }]
  })
}

const [out, ...paths] = process.argv.slice(2)
if (out === undefined || paths.length === 0) throw new Error('usage: fit.js calibrations.json evidence.jsonl...')
const rows = rowsOf(paths)
const [own, open, sentences] = [words(rows, false), words(rows, true), utterances(rows)]
const calibrations: Calibrations = {
  word: fit(examplesOf(own)),
  openWord: fit(examplesOf(open)),
  utterance: fitNet(examplesOf(sentences)),
}
const figures = [
  ...judgedBy('words', own, fit),
  ...judgedBy('open words', open, fit),
  ...judgedBy('utterances', sentences, fitNet),
]
writeFileSync(
  out,
  `${JSON.stringify({ recipe: 'npm run train -- confidence', rows: rows.length, figures, ...calibrations }, null, 1)}\n`,
)
