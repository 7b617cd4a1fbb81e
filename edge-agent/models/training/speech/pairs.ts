/**
 * Synthetic voices in a quiet room, and the same in noise, as the features that the acoustic model takes. Binary on standard
 * output, an utterance after the other: the length of a JSON head (uint32, little-endian), the head {"text", "frames"}, then
 * float32 of `frames` rows of 39, once quiet and once for each of two noises, the louder one first. Flite and espeak-ng speak.
 *
 *     node dist/edge-agent/models/training/speech/pairs.js [utterances a voice]
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../../../shared/package-root.ts'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { mixAt } from '../../../evaluation/noise.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { Channels } from '../../../speech/channels.ts'
import { CepstralTrack, FEATURES } from '../../../speech/features.ts'
import { FrontEnd } from '../../../speech/front-end.ts'
import { speechMixture } from '../../../speech/speech-mixture.ts'
import { TUNING } from '../../../speech/tuning.ts'
import { VoiceActivity } from '../../../speech/voice-activity.ts'
import { babble, both, clatter, type Noise, rumble, rush } from '../confidence/noises.ts'
import { FITTED_VOICES, speak, type Voice } from '../confidence/voices.ts'
import { walker } from '../walks.ts'

const SEED = 23
const USUAL_COUNT = 120
const RATE_HZ = 16_000
/** A room is never quite silent. */
const QUIET_SNR_DB = 35
/** Lowest signal-to-noise ratio and range, dB, of the louder and the softer noise. */
const LOUDER = { fromDb: 3, overDb: 6 }
const SOFTER = { fromDb: 9, overDb: 7 }
const LEAST_PAUSE_S = 0.2
const PAUSE_RANGE_S = 0.5
const CROWD = 8
/** Sentences of these, and everyday ones; without names, since nobody's are known here. */
const DOMAINS = [
  'edge-agent/domains/field-service.yaml',
  'edge-agent/models/training/confidence/other.yaml',
  'edge-agent/models/training/language/notes.yaml',
]

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')

const channels = new Channels(speechMixture(read('edge-agent/models/speech/mixture.json')))

async function main(each: number): Promise<void> {
  const random = seeded(SEED)
  const elsewhere = read('edge-agent/models/training/confidence/elsewhere.txt').trim().split('\n')
  const anywhere = (): string => pick(elsewhere, random)
  const walks = DOMAINS.map((file) =>
    walker(compileDomain(parseDomain(read(file)), { assets: [], parts: [], workOrders: [] }), random, anywhere),
  )
  const noises = noisesAmong(await crowd(anywhere))
  for (const voice of FITTED_VOICES)
    for (let at = 0; at < each; at++) {
      const text = pick([anywhere, anywhere, ...walks], random)()?.trim() ?? ''
      // What is read aloud otherwise than it is written cannot be aligned.
      if (text === '' || /[^a-z' ]/.test(text)) continue
      await write(text, await heard(voice, text, { noises, random }))
    }
}

/** What several say at once elsewhere in the room. */
async function crowd(anywhere: () => string): Promise<Float32Array[]> {
  return await Promise.all(
    Array.from({ length: CROWD }, async (_, at) => {
      const voice = FITTED_VOICES[at % FITTED_VOICES.length] as Voice
      return await speak(voice, [0, 1, 2].map(anywhere).join(', '), 1)
    }),
  )
}

function noisesAmong(voices: readonly Float32Array[]): readonly Noise[] {
  const talk = babble(voices)
  const mixed = [both(clatter, rumble), both(clatter, rumble), both(clatter, talk), both(rumble, talk), both(rush, clatter)]
  return [rush, rumble, clatter, talk, ...mixed]
}

async function heard(
  voice: Voice,
  text: string,
  { noises, random }: { readonly noises: readonly Noise[]; readonly random: () => number },
): Promise<Float32Array[]> {
  const said = await speak(voice, text, 0.85 + 0.3 * random())
  const pause = Math.floor(RATE_HZ * (LEAST_PAUSE_S + PAUSE_RANGE_S * random()))
  const near = new Float32Array(said.length + 2 * pause)
  const level = 0.2 + 0.8 * random()
  said.forEach((sample, at) => (near[pause + at] = level * sample))
  const noise = pick(noises, random)
  const ratios = [LOUDER, SOFTER].map(({ fromDb, overDb }) => fromDb + overDb * random())
  const quiet = mixAt(near, rush(near.length, random), { snrDb: QUIET_SNR_DB, offset: 0 })
  const noisy = ratios.map((snrDb) => mixAt(quiet, noise(near.length, random), { snrDb, offset: 0 }))
  return [quiet, ...noisy].map(features)
}

/** As the recogniser makes them before it knows whose voice it is: what noise does to a tract is learnt of each as it is. */
function features(samples: Float32Array): Float32Array {
  const [front, channel] = [new FrontEnd(), channels.open(RATE_HZ, TUNING)]
  const voice = new VoiceActivity(TUNING.speechAboveNoise)
  const frames = [...front.push(samples), ...front.finish()]
  const track = new CepstralTrack(frames.map((frame) => channel.hear(frame, voice.push(frame, true))))
  const rows = new Float32Array(track.count * FEATURES)
  track.write({ from: 0, every: 1, rows: track.count }, channel.mean(), rows)
  return rows
}

async function write(text: string, versions: readonly Float32Array[]): Promise<void> {
  const length = Math.min(...versions.map((rows) => rows.length))
  const head = Buffer.from(JSON.stringify({ text, frames: length / FEATURES }))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(head.length)
  const rows = versions.map((version) => Buffer.from(version.buffer, 0, 4 * length))
  if (!process.stdout.write(Buffer.concat([size, head, ...rows]))) await once(process.stdout, 'drain')
}

await main(Number(process.argv[2] ?? USUAL_COUNT))
