/**
 * The same for words of dictation, from what `collect-dictation.ts` wrote.
 *
 *     node dist/edge-agent/models/training/confidence/fit-dictation.js dictation.json evidence.jsonl...
 */
import { writeFileSync } from 'node:fs'
import { examplesOf, judgedBy, rowsOf, words } from './judging.ts'
import { fit } from './logistic.ts'

const [out, ...paths] = process.argv.slice(2)
if (out === undefined || paths.length === 0) throw new Error('usage: fit-dictation.js dictation.json evidence.jsonl...')
const rows = rowsOf(paths)
const dictated = words(rows, true)
writeFileSync(
  out,
  `${JSON.stringify({ recipe: 'npm run train -- confidence', rows: rows.length, figures: judgedBy('dictated words', dictated, fit), dictatedWord: fit(examplesOf(dictated)) }, null, 1)}\n`,
)
