/**
 * Fits the recogniser's confidence to what `collect.ts`, `collect-people.ts` and `collect-sounds.ts` wrote and shows how it holds
 * on voices that it was not fitted on: each voice is judged by a fit to the others, and what ships is fitted to all. Its constants
 * go into a file.
 *
 *     node dist/edge-agent/models/training/confidence/fit.js calibrations.json sounds.jsonl evidence.jsonl...
 */
import { writeFileSync } from 'node:fs'
import { calibrated, type Calibration } from '../../../speech/calibration.ts'
import { REJECT_BELOW } from '../../../speech/conclusion.ts'
import type { Calibrations } from '../../../speech/shipped-calibrations.ts'
import { examplesOf, judgedBy, numbers, type Of, type Row, rowsOf, whoOf, words } from './judging.ts'
import { balanced, type Example, fit } from './logistic.ts'
import { fitNet } from './small-net.ts'

/** Of what open microphones heard where nobody spoke to them: what a first fit believes this much of, a second is taught. */
const BELIEVED = 0.03
/** Of that of another wrong one: they are many, and of few kinds. */
const MADE_UP_WEIGHT = 0.5

/** Without open words, which are judged apart. */
const isJudged = ({ evidence, words: heard }: Row): boolean =>
  evidence.length > 0 && heard.every(({ open }) => !open)

/** How often people say what a grammar holds is not known here: right ones and wrong ones count alike. */
function utterances(rows: readonly Row[]): Of[] {
  const judged = rows.filter(isJudged)
  const examples = balanced(judged.map(({ evidence, right }) => ({ evidence: numbers(evidence), right })))
  return judged.flatMap((row, at) => {
    const example = examples[at]
    return example === undefined ? [] : [{ voice: row.voice, who: whoOf(row), example }]
  })
}

/** What a fit to the sentences believes a little although nobody said it. */
function madeUp(sounds: readonly Row[], sentences: readonly Of[]): Example[] {
  const first = fitNet(examplesOf(sentences))
  const wrong = sentences.find(({ example }) => !example.right)?.example.weight ?? 1
  return sounds
    .filter(isJudged)
    .map(({ evidence }): Example => ({ evidence: numbers(evidence), right: false, weight: MADE_UP_WEIGHT * wrong }))
    .filter(({ evidence }) => calibrated(first, evidence) >= BELIEVED)
}

const [out, soundsPath, ...paths] = process.argv.slice(2)
if (out === undefined || soundsPath === undefined || paths.length === 0)
  throw new Error('usage: fit.js calibrations.json sounds.jsonl evidence.jsonl...')
const [rows, sounds] = [rowsOf(paths), rowsOf([soundsPath])]
/** Nobody whose recordings are played says what is open in a domain. */
const withOpenWords = rows.filter(({ isPerson }) => !isPerson)
const [own, open, sentences] = [words(rows, false), words(withOpenWords, true), utterances(rows)]
const hard = madeUp(sounds, sentences)
console.log(`of ${sounds.length} utterances where nobody spoke ${hard.length} are believed a little, and taught`)
/** What was chosen for being believed is taught, and never judged by. */
const fitSentences = (examples: readonly Example[]): Calibration => fitNet(balanced([...examples, ...hard]))
const calibrations: Calibrations = {
  word: fit(examplesOf(own)),
  openWord: fit(examplesOf(open)),
  utterance: fitSentences(examplesOf(sentences)),
}
const figures = [
  ...judgedBy('words', own, fit),
  ...judgedBy('open words', open, fit),
  ...judgedBy('utterances', sentences, fitSentences, REJECT_BELOW),
]
writeFileSync(
  out,
  `${JSON.stringify({ recipe: 'npm run train -- confidence', rows: rows.length, madeUp: hard.length, figures, ...calibrations }, null, 1)}\n`,
)
