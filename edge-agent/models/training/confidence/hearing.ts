/** What somebody or a synthetic voice says, clean, in noise or by telephone, and what a recogniser finds in it. */
import { pick } from '../../../../shared/seeded.ts'
import type { Hypothesis } from '../../../speech/hypothesis.ts'
import type { Recogniser } from '../../../speech/recogniser.ts'
import type { Noise } from './noises.ts'
import { inRoom } from './rooms.ts'
import { elsewhereSaid } from './sayings.ts'
import { FITTED_VOICES, roughened, speak, telephoned, type Voice } from './voices.ts'

export const RATE_HZ = 16_000
const CLEAN_SHARE = 0.5
const LOUDEST_SNR_DB = 5
const SNR_RANGE_DB = 25
const TELEPHONE_SHARE = 0.25
const ROOM_SHARE = 0.3
const NOTHING_SAID_S = { least: 1, range: 5 }
/** Voices of which a crowd is made. */
const CROWD = 8

/** What several say at once elsewhere in the room. */
export async function crowd(random: () => number): Promise<Float32Array[]> {
  const lines = elsewhereSaid()
  return await Promise.all(
    Array.from({ length: CROWD }, async (_, at) => {
      const voice = FITTED_VOICES[at % FITTED_VOICES.length] as Voice
      return await speak(voice, [0, 1, 2].map(() => pick(lines, random)).join(', '), 1)
    }),
  )
}

interface Saying extends Surroundings {
  readonly voice: Voice
  readonly text: string
}

export async function heard(recogniser: Recogniser, { voice, text, ...around }: Saying) {
  const clean = await speak(voice, text, 0.85 + 0.3 * around.random())
  const found = await heardOf(recogniser, { clean, ...around })
  return { voice: `${voice.engine} ${voice.name}`, said: text, ...found }
}

interface Surroundings {
  readonly grammar: string
  readonly noise: Noise
  readonly random: () => number
}

/** `clean`: what somebody said, mono at 16 kHz. */
export async function heardOf(
  recogniser: Recogniser,
  { clean, grammar, noise, random }: Surroundings & { readonly clean: Float32Array },
) {
  const snrDb = random() < CLEAN_SHARE ? 40 : LOUDEST_SNR_DB + SNR_RANGE_DB * random()
  const there = random() < ROOM_SHARE ? inRoom(clean, random) : clean
  const near = roughened(there, noise, snrDb, random)
  return { snrDb: Math.round(snrDb), ...(await listened(recogniser, { grammar, near, random })) }
}

/** A sound by itself, from a quiet one to one that fills the scale. */
export async function nothingSaid(
  recogniser: Recogniser,
  { grammar, sound, random }: { readonly grammar: string; readonly sound: Noise; readonly random: () => number },
) {
  const length = Math.ceil(RATE_HZ * (NOTHING_SAID_S.least + NOTHING_SAID_S.range * random()))
  const raw = sound(length, random)
  const scale = 10 ** (-1.5 * random()) / raw.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-6)
  const near = raw.map((sample) => scale * sample)
  return { voice: 'nobody', snrDb: null, said: '', ...(await listened(recogniser, { grammar, near, random })) }
}

async function listened(
  recogniser: Recogniser,
  { grammar, near, random }: { readonly grammar: string; readonly near: Float32Array; readonly random: () => number },
) {
  const isFar = random() < TELEPHONE_SHARE
  const { samples, sampleRate } = isFar ? telephoned(near) : { samples: near, sampleRate: RATE_HZ }
  const stream = recogniser.open(grammar, { sampleRate })
  await stream.push(samples)
  return rowOf(grammar, sampleRate, await stream.finish())
}

/** What is kept of what was found. */
export function rowOf(grammar: string, sampleRate: number, found: Hypothesis) {
  return {
    grammar,
    sampleRate,
    text: found.text,
    kind: found.kind,
    confidence: found.confidence,
    evidence: found.evidence,
    words: found.words.map(({ word, evidence, open, confidence }) => ({ word, evidence, open, confidence })),
  }
}
