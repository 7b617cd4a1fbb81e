/**
 * Plays sentences in synthetic voices to the recogniser and writes, a JSON line an utterance, what it found and whether that
 * means what was said. Inside each grammar, and outside it; clean, in noise and by telephone; other languages, and sounds in which
 * nobody spoke.
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
import { foreignVoice, listeners, NAMES } from './sayings.ts'
import { backwards, beeps, blows, motors, scrapes } from './sounds.ts'
import { FITTED_VOICES, HELD_OUT_VOICES, type Voice } from './voices.ts'

const SEED = 11
const USUAL_COUNT = 120
/** Of the sentences, how many are outside the grammar that listens. */
const OUTSIDE_SHARE = 0.35
/** Of the utterances, how many are only a sound: what keeps on when somebody opened the microphone and says nothing. */
const NOTHING_SAID_SHARE = 0.18
/** And how many are in a language that nobody speaks to Starling. */
const FOREIGN_SHARE = 0.08

async function main(count: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const all = listeners(random)
  const nets = all.map(({ domain }) => compileDomain(domain, NAMES))
  const matchers = nets.map((net) => new TextMatcher(net))
  const voices = await crowd(random)
  const noises = [rush, clatter, plucked, babble(voices)]
  const sounds = [clatter, plucked, blows, beeps, scrapes, motors, backwards(voices), babble(voices)]
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  /** What came of an utterance in the grammar of that number, and whether it was right; null for one that can't be said. */
  const utterance = async (own: number, voice: Voice): Promise<object | null> => {
    const [grammar, kind] = [`${own}`, random()]
    if (kind < NOTHING_SAID_SHARE) {
      const row = await nothingSaid(recogniser, { grammar, sound: pick(sounds, random), random })
      return { ...row, right: false, isOutside: true }
    }
    const noise = pick(noises, random)
    if (kind < NOTHING_SAID_SHARE + FOREIGN_SHARE) {
      const stranger = foreignVoice(random)
      const said = { voice: stranger.voice, text: pick(stranger.texts, random), grammar }
      const row = await heard(recogniser, { ...said, noise, random })
      return { ...row, right: false, isOutside: true }
    }
    const isOutside = random() < OUTSIDE_SHARE
    const text = (isOutside ? all[own]?.foreign() : all[own]?.own())?.trim() ?? ''
    if (text === '' || (isOutside && matchers[own]?.match(wordsOf(text)) !== null)) return null
    const row = await heard(recogniser, { voice, text, grammar, noise, random })
    return { ...row, right: !isOutside && meansTheSame(matchers[own], text, row.text), isOutside }
  }
  try {
    for (const [at, net] of nets.entries()) {
      const { pronunciations } = all[at]?.domain ?? { pronunciations: {} }
      await recogniser.loadGrammar(`${at}`, wordGraphOf(net), pronunciations, { guess: true })
    }
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const row = await utterance(i % all.length, voice)
          if (row !== null) process.stdout.write(`${JSON.stringify({ ...row, heldOut: heldOut === 1 })}\n`)
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
