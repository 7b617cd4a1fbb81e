/**
 * Plays sentences in synthetic voices to the recogniser and writes, a JSON line an utterance, what it found and whether that
 * means what was said. Inside each grammar, and outside it; clean, in noise and by telephone; and sounds in which nobody spoke.
 *
 *     node dist/edge-agent/models/training/confidence/collect.js [utterances a voice] [seed] > evidence.jsonl
 */
import { isDeepStrictEqual } from 'node:util'
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import { TextMatcher } from '../../../grammar/match-text.ts'
import { wordGraphOf } from '../../../grammar/net.ts'
import { wordsOf } from '../../../intent/normalise.ts'
import { openRecogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { crowd, heard, nothingSaid } from './hearing.ts'
import { babble, clatter, plucked, rush } from './noises.ts'
import { listeners, NAMES } from './sayings.ts'
import { FITTED_VOICES, HELD_OUT_VOICES } from './voices.ts'

const SEED = 11
const USUAL_COUNT = 120
/** Of the sentences, how many are outside the grammar that listens. */
const OUTSIDE_SHARE = 0.35
/** Of the utterances, how many are only a sound: what keeps on when somebody opened the microphone and says nothing. */
const NOTHING_SAID_SHARE = 0.12

async function main(count: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const all = listeners(random)
  const nets = all.map(({ domain }) => compileDomain(domain, NAMES))
  const matchers = nets.map((net) => new TextMatcher(net))
  const crowded = babble(await crowd(random))
  const noises = [rush, clatter, plucked, crowded]
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    for (const [at, net] of nets.entries()) {
      const { pronunciations } = all[at]?.domain ?? { pronunciations: {} }
      await recogniser.loadGrammar(`${at}`, wordGraphOf(net), pronunciations, { guess: true })
    }
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const own = i % all.length
          if (random() < NOTHING_SAID_SHARE) {
            const sound = pick([clatter, plucked, crowded], random)
            const row = await nothingSaid(recogniser, { grammar: `${own}`, sound, random })
            process.stdout.write(`${JSON.stringify({ ...row, right: false, heldOut: heldOut === 1, isOutside: true })}\n`)
            continue
          }
          const isOutside = random() < OUTSIDE_SHARE
          const text = (isOutside ? all[own]?.foreign() : all[own]?.own())?.trim() ?? ''
          if (text === '' || (isOutside && matchers[own]?.match(wordsOf(text)) !== null)) continue
          const noise = pick(noises, random)
          const row = await heard(recogniser, { voice, text, grammar: `${own}`, noise, random })
          const right = !isOutside && meansTheSame(matchers[own], text, row.text)
          process.stdout.write(`${JSON.stringify({ ...row, right, heldOut: heldOut === 1, isOutside })}\n`)
        }
  } finally {
    await recogniser.close()
  }
}

function meansTheSame(matcher: TextMatcher | undefined, said: string, found: string): boolean {
  const [meant, understood] = [matcher?.match(wordsOf(said)), matcher?.match(wordsOf(found))]
  if (meant === undefined || meant === null || understood === undefined || understood === null) return said === found
  return meant.intent === understood.intent && isDeepStrictEqual(meant.slots, understood.slots)
}

await main(Number(process.argv[2] ?? USUAL_COUNT), Number(process.argv[3] ?? SEED))
