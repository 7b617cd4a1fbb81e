/**
 * Listens for minutes to sounds in which nobody speaks, and to languages that nobody speaks to Starling, as from an open microphone,
 * and writes, a JSON line an utterance, what was found. Commands are made up from few of them: those teach most.
 *
 *     node dist/edge-agent/models/training/confidence/collect-sounds.js [minutes a sound] [seed] > sounds.jsonl
 */
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { utterancesIn } from '../../../evaluation/open-microphone.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import { wordGraphOf } from '../../../grammar/net.ts'
import { openRecogniser, type Recogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { crowd, RATE_HZ, rowOf } from './hearing.ts'
import { babble, clatter, type Noise, plucked } from './noises.ts'
import { foreignVoice, listeners, NAMES } from './sayings.ts'
import { backwards, beeps, blows, motors, scrapes } from './sounds.ts'
import { speak } from './voices.ts'

const SEED = 31
const USUAL_MINUTES = 8
const MINUTE = 60 * RATE_HZ
/** Of the minutes of each sound, as many times more are of other languages. */
const FOREIGN_MINUTES = 4

type Random = () => number

async function main(minutes: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const voices = await crowd(random)
  const sounds = { clatter, plucked, blows, beeps, scrapes, motors, backwards: backwards(voices), crowd: babble(voices) }
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    const grammars = await loadAll(recogniser, random)
    const listen = async (voice: string, samples: Float32Array): Promise<void> => {
      const grammar = pick(grammars, random)
      for await (const found of utterancesIn(recogniser, { grammar, samples, sampleRate: RATE_HZ }))
        if (found.words.length > 0)
          process.stdout.write(`${JSON.stringify({ voice, said: '', ...rowOf(grammar, RATE_HZ, found), right: false, heldOut: true })}\n`)
    }
    for (const [name, sound] of Object.entries(sounds))
      for (let minute = 0; minute < minutes; minute++) await listen(name, minuteOf(sound, random))
    for (let minute = 0; minute < FOREIGN_MINUTES * minutes; minute++) {
      const { voice, samples } = await foreignMinute(random)
      await listen(voice, samples)
    }
  } finally {
    await recogniser.close()
  }
}

/** The names of the grammars that listen, each domain once. */
async function loadAll(recogniser: Recogniser, random: Random): Promise<readonly string[]> {
  const domains = new Map(listeners(random).map(({ domain }) => [domain.name, domain]))
  for (const [name, domain] of domains)
    await recogniser.loadGrammar(name, wordGraphOf(compileDomain(domain, NAMES)), domain.pronunciations, { guess: true })
  return [...domains.keys()]
}

/** A sound goes on for seconds and then is another of its kind, from a quiet one to one that fills the scale. */
function minuteOf(sound: Noise, random: Random): Float32Array {
  const out = new Float32Array(MINUTE)
  for (let at = 0; at < MINUTE;) {
    const part = sound(Math.min(MINUTE - at, Math.ceil(RATE_HZ * (4 + 16 * random()))), random)
    out.set(scaled(part, 10 ** (-1.5 * random())), at)
    at += part.length
  }
  return out
}

/** Sentences of one language in one voice, one after the other with pauses. */
async function foreignMinute(random: Random): Promise<{ readonly voice: string; readonly samples: Float32Array }> {
  const { voice, texts } = foreignVoice(random)
  const samples = new Float32Array(MINUTE)
  for (let at = 0; at < MINUTE; at += Math.ceil(RATE_HZ * (0.3 + 1.5 * random()))) {
    const spoken = await speak(voice, pick(texts, random), 0.85 + 0.4 * random())
    samples.set(spoken.subarray(0, MINUTE - at), at)
    at += spoken.length
  }
  return { voice: `${voice.engine} ${voice.name}`, samples: scaled(samples, 0.1 + 0.8 * random()) }
}

function scaled(samples: Float32Array, peak: number): Float32Array {
  const most = samples.reduce((largest, sample) => Math.max(largest, Math.abs(sample)), 1e-6)
  return samples.map((sample) => (peak / most) * sample)
}

await main(Number(process.argv[2] ?? USUAL_MINUTES), Number(process.argv[3] ?? SEED))
