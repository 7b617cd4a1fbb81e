/** Sounds in which nobody speaks, by arithmetic and a seed: what a microphone hears all day. Samples at 16 kHz. */
import { seeded } from '../../shared/seeded.ts'

const RATE = 16_000

export const NON_SPEECH = {
  silence: (seconds: number) => new Float32Array(seconds * RATE),
  'quiet room': (seconds: number, seed: number) => scaled(pink(seconds, seed), 0.001),
  hum,
  'white noise': (seconds: number, seed: number) => scaled(white(seconds, seed), 0.1),
  'pink noise': (seconds: number, seed: number) => scaled(pink(seconds, seed), 0.1),
  'brown noise': (seconds: number, seed: number) => scaled(brown(seconds, seed), 0.1),
  knocks,
  music,
  babble,
} as const
export type NonSpeech = keyof typeof NON_SPEECH

type Random = () => number

function white(seconds: number, seed: number): Float32Array {
  const random = seeded(seed)
  return new Float32Array(seconds * RATE).map(() => 2 * random() - 1)
}

/** Falls by 3 dB an octave (Kellet's filter). */
function pink(seconds: number, seed: number): Float32Array {
  const poles = [0.998_86, 0.993_32, 0.969, 0.866_5, 0.55, -0.761_6]
  const gains = [0.055_517_9, 0.075_075_9, 0.153_852, 0.310_485_6, 0.532_952_2, -0.016_898]
  const held = poles.map(() => 0)
  return white(seconds, seed).map((x) => {
    let total = 0.536_2 * x
    poles.forEach((pole, i) => {
      held[i] = pole * (held[i] ?? 0) + (gains[i] ?? 0) * x
      total += held[i] ?? 0
    })
    return total
  })
}

/** Falls by 6 dB an octave. */
function brown(seconds: number, seed: number): Float32Array {
  let level = 0
  return white(seconds, seed).map((x) => (level = 0.998 * level + 0.06 * x))
}

/** A machine's mains hum with harmonics, swelling slowly, over its fan. */
function hum(seconds: number, seed: number): Float32Array {
  const random = seeded(seed)
  const mains = random() < 0.5 ? 50 : 60
  const harmonics = Array.from({ length: 12 }, (_, k) => ({ hz: mains * (k + 1), level: random() / (k + 1) }))
  const fan = pink(seconds, seed + 1)
  return normalised(
    fan.map((noise, i) => {
      const swell = 1 + 0.5 * Math.sin((2 * Math.PI * 0.1 * i) / RATE)
      return (
        swell * sum(harmonics, ({ hz, level }) => level * Math.sin((2 * Math.PI * hz * i) / RATE)) +
        0.1 * noise
      )
    }),
    0.2,
  )
}

/** Doors, tools, dropped things: short bursts that ring, now and then. */
function knocks(seconds: number, seed: number): Float32Array {
  const random = seeded(seed)
  const out = scaled(pink(seconds, seed + 1), 0.003)
  for (let at = 0; at < seconds; at += 0.1 + 2 * random() ** 2)
    ring(out, random, {
      at,
      hz: 100 + 3_000 * random() ** 2,
      decayS: 0.01 + 0.2 * random(),
      level: 0.6 * random(),
    })
  return out
}

function ring(
  out: Float32Array,
  random: Random,
  o: { readonly at: number; readonly hz: number; readonly decayS: number; readonly level: number },
): void {
  const from = Math.floor(o.at * RATE)
  const partials = [1, 1 + random(), 2 + random(), 3 + 2 * random()]
  for (let i = 0; i < 6 * o.decayS * RATE && from + i < out.length; i++) {
    const time = i / RATE
    const tone = sum(partials, (ratio) => Math.sin(2 * Math.PI * o.hz * ratio * time))
    const hit = time < 0.004 ? 2 * random() - 1 : 0
    out[from + i] = (out[from + i] ?? 0) + o.level * Math.exp(-time / o.decayS) * (0.25 * tone + hit)
  }
}

const SCALE = [0, 2, 4, 5, 7, 9, 11]

/** Chords, a melody over them and drums under them, in a key and a tempo of its own. */
function music(seconds: number, seed: number): Float32Array {
  const random = seeded(seed)
  const out = new Float32Array(seconds * RATE)
  const key = 110 * 2 ** (Math.floor(12 * random()) / 12)
  const beatS = 60 / (70 + 90 * random())
  for (let beat = 0, at = 0; at < seconds; beat++, at = beat * beatS) {
    if (beat % 4 === 0) {
      const root = Math.floor(7 * random())
      for (const step of [root, root + 2, root + 4])
        note(out, random, { at, hz: pitch(key, step), lengthS: 4 * beatS, level: 0.08 })
    }
    for (const half of [0, 0.5])
      if (random() < 0.7)
        note(out, random, {
          at: at + half * beatS,
          hz: 2 * pitch(key, Math.floor(10 * random())),
          lengthS: beatS * (0.4 + random()),
          level: 0.12,
        })
    ring(out, random, { at, hz: beat % 2 === 0 ? 60 : 190, decayS: 0.06, level: 0.4 })
    drum(out, random, at + beatS / 2)
  }
  return normalised(out, 0.2)
}

function pitch(key: number, step: number): number {
  return key * 2 ** (((SCALE[step % 7] ?? 0) + 12 * Math.floor(step / 7)) / 12)
}

function note(
  out: Float32Array,
  random: Random,
  o: { readonly at: number; readonly hz: number; readonly lengthS: number; readonly level: number },
): void {
  const from = Math.floor(o.at * RATE)
  const brightness = 0.3 + 0.6 * random()
  const vibrato = 0.004 * random()
  for (let i = 0; i < o.lengthS * RATE && from + i < out.length; i++) {
    const time = i / RATE
    const envelope = Math.min(1, time / 0.02) * Math.exp((-2 * time) / o.lengthS)
    const phase = 2 * Math.PI * o.hz * (time + (vibrato / 5) * Math.sin(2 * Math.PI * 5 * time))
    let tone = 0
    for (let k = 1; k <= 8 && k * o.hz < 7_000; k++) tone += brightness ** k * Math.sin(k * phase)
    out[from + i] = (out[from + i] ?? 0) + o.level * envelope * tone
  }
}

function drum(out: Float32Array, random: Random, at: number): void {
  const from = Math.floor(at * RATE)
  for (let i = 0; i < 0.08 * RATE && from + i < out.length; i++)
    out[from + i] = (out[from + i] ?? 0) + 0.15 * Math.exp((-40 * i) / RATE) * (2 * random() - 1)
}

/** Formants (Hz) of vowels, as throats make them; here no throat says anything. */
const VOWELS = [
  [730, 1_090, 2_440],
  [270, 2_290, 3_010],
  [300, 870, 2_240],
  [530, 1_840, 2_480],
  [570, 840, 2_410],
] as const

/** Murmuring of a crowd: pulse trains and hisses through formants that move, a dozen over each other. No language. */
function babble(seconds: number, seed: number): Float32Array {
  const random = seeded(seed)
  const out = new Float32Array(seconds * RATE)
  for (let voice = 0; voice < 12; voice++) murmur(out, random, 80 + 180 * random())
  return normalised(out, 0.1)
}

function murmur(out: Float32Array, random: Random, hz: number): void {
  const state = [0, 0, 0, 0, 0, 0]
  let phase = 0
  for (let at = 0; at < out.length;) {
    const end = Math.min(out.length, at + Math.floor((0.06 + 0.2 * random()) * RATE))
    const vowel = VOWELS[Math.floor(VOWELS.length * random())] ?? VOWELS[0]
    const isVoiced = random() < 0.7
    const level = random() < 0.25 ? 0 : random()
    const glide = hz * (0.9 + 0.2 * random())
    for (; at < end; at++) {
      phase += glide / RATE
      const pulse = phase >= 1 ? 1 : 0
      phase -= pulse
      const source = isVoiced ? pulse : 0.1 * (2 * random() - 1)
      out[at] = (out[at] ?? 0) + level * resonate(state, source, vowel)
    }
  }
}

function resonate(state: number[], source: number, formants: readonly number[]): number {
  let total = 0
  formants.forEach((formant, i) => {
    const radius = 0.97
    const before = state[2 * i] ?? 0
    const value =
      source +
      2 * radius * Math.cos((2 * Math.PI * formant) / RATE) * before -
      radius * radius * (state[2 * i + 1] ?? 0)
    state[2 * i + 1] = before
    state[2 * i] = value
    total += value / (i + 1)
  })
  return total
}

function scaled(samples: Float32Array, level: number): Float32Array {
  return samples.map((x) => level * x)
}

function normalised(samples: Float32Array, level: number): Float32Array {
  const rms = Math.sqrt(samples.reduce((total, x) => total + x * x, 0) / samples.length)
  return scaled(samples, level / rms)
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  let total = 0
  for (const item of items) total += value(item)
  return total
}
