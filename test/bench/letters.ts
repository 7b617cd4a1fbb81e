/** Letter-to-sound on words of the lexicon that its training never saw, beside rules, in one run. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { errorsOf } from '../../edge-agent/models/training/letters/errors.ts'
import { wordSets } from '../../edge-agent/models/training/letters/words.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { LetterSounds } from '../../edge-agent/speech/letter-sounds.ts'
import { saidByRules } from './letter-rules.ts'
import { quantile, type BenchReport } from './report.ts'

const MOST_BYTES = 2_000_000

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const read = (name: string): Buffer => readFileSync(fileURLToPath(new URL(name, MODEL_FOLDERS.speech)))
  const { held } = wordSets(read('lexicon.txt.br'))
  const packed = read('letters.bin.br')
  const began = performance.now()
  const sounds = new LetterSounds(packed)
  const openedMs = performance.now() - began
  progress(`saying ${held.length} words that were held back`)
  const tookMs: number[] = []
  const model = errorsOf(held, (word) => {
    const start = performance.now()
    const guesses = sounds.guess(word).map(({ phones }) => phones)
    tookMs.push(performance.now() - start)
    return guesses
  })
  const rules = errorsOf(held, (word) => [saidByRules(word)])
  return await Promise.resolve({
    bench: 'letters',
    rows: [
      {
        name: `phone error, ${held.length} words held back (baseline: rules)`,
        value: model.phoneError,
        unit: 'share',
        baseline: rules.phoneError,
        goal: { op: '<=', value: rules.phoneError },
      },
      {
        name: 'word error of the first guess (baseline: rules)',
        value: model.wordError,
        unit: 'share',
        baseline: rules.wordError,
        goal: { op: '<=', value: rules.wordError },
      },
      { name: 'words of which no guess is right', value: model.anyGuessError, unit: 'share' },
      { name: 'guesses a word', value: model.guessesPerWord, unit: 'guesses' },
      {
        name: 'letters.bin.br',
        value: packed.length,
        unit: 'bytes',
        goal: { op: '<=', value: MOST_BYTES },
      },
      { name: 'opening the model', value: openedMs, unit: 'ms' },
      { name: 'one word, p95', value: quantile(tookMs, 0.95), unit: 'ms' },
    ],
  })
}
