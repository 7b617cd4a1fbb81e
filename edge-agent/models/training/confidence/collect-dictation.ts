/**
 * The same for dictation: plays sentences of all domains and of none in synthetic voices and writes, a JSON line an utterance, what was
 * heard and what each word's evidence was.
 *
 *     node dist/edge-agent/models/training/confidence/collect-dictation.js [utterances a voice] [seed] > evidence.jsonl
 */
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { loadDictation } from '../../../evaluation/dictation-under-test.ts'
import { wordsOf } from '../../../intent/normalise.ts'
import { openRecogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { crowd, heard } from './hearing.ts'
import { babble, clatter, plucked, rush } from './noises.ts'
import { elsewhereSaid, listeners } from './sayings.ts'
import { FITTED_VOICES, HELD_OUT_VOICES } from './voices.ts'

const SEED = 21
const USUAL_COUNT = 40
/** Of the sentences, how many are of no domain. */
const ELSEWHERE_SHARE = 0.5

async function main(count: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const domains = listeners(random)
  const elsewhere = elsewhereSaid()
  const noises = [rush, clatter, plucked, babble(await crowd(random))]
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    await loadDictation(recogniser, 'dictation')
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const isElsewhere = random() < ELSEWHERE_SHARE
          const said = isElsewhere ? pick(elsewhere, random) : pick(domains, random).own()
          const text = wordsOf(said ?? '').join(' ')
          if (text === '') continue
          const noise = pick(noises, random)
          const row = await heard(recogniser, { voice, text, grammar: 'dictation', noise, random })
          const right = row.text === text
          process.stdout.write(`${JSON.stringify({ ...row, right, heldOut: heldOut === 1 })}\n`)
        }
  } finally {
    await recogniser.close()
  }
}

await main(Number(process.argv[2] ?? USUAL_COUNT), Number(process.argv[3] ?? SEED))
