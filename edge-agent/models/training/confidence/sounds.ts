/**
 * Sounds that a microphone hears where nobody speaks to it, made from nothing: what falls and rings, what beeps, what scrapes, what
 * runs. Each is another at each call.
 */
import type { Noise } from './noises.ts'

const RATE_HZ = 16_000
/** The quiet that they stand in. */
const FLOOR = 0.003

type Random = () => number

const between = (low: number, high: number, random: Random): number => low * (high / low) ** random()

/** Things that fall, doors, tools: blows now and then, each with a click and a few partials that ring off. */
export const blows: Noise = (length, random) => {
  const out = quiet(length, random)
  const everyS = between(0.12, 2.5, random)
  const lowest = between(90, 1_200, random)
  for (let at = random() * everyS * RATE_HZ; at < length; at += everyS * RATE_HZ * (0.3 + 1.4 * random())) {
    const hz = lowest * between(1, 3, random)
    const [fadeS, pitched] = [between(0.008, 0.25, random), random()]
    for (const ratio of [1, 1 + random(), 2 + 2 * random()])
      add(out, Math.floor(at), 5 * fadeS, (s) => Math.exp(-s / fadeS) * pitched * Math.sin(2 * Math.PI * hz * ratio * s))
    add(out, Math.floor(at), 0.01, () => (1.5 - pitched) * (2 * random() - 1))
  }
  return out
}

/** Alarms, telephones, whistles: tones that come and go, and may glide. */
export const beeps: Noise = (length, random) => {
  const out = quiet(length, random)
  const [hz, glide] = [between(200, 2_500, random), random() < 0.5 ? 0 : random() - 0.5]
  const [lengthS, pauseS] = [between(0.05, 0.9, random), between(0.05, 1, random)]
  const overtone = random()
  for (let at = 0; at < length; at += (lengthS + pauseS) * RATE_HZ)
    add(out, Math.floor(at), lengthS, (s) => {
      const phase = 2 * Math.PI * hz * s * (1 + (glide * s) / (2 * lengthS))
      return envelope(s, lengthS) * (Math.sin(phase) + overtone * Math.sin(2 * phase))
    })
  return out
}

/** Saws, brushes, paper: hisses of some colour that swell about as fast as syllables do. */
export const scrapes: Noise = (length, random) => {
  const out = quiet(length, random)
  const resonance = resonator(between(300, 5_000, random), between(0.8, 0.98, random))
  const strokesHz = between(1, 9, random)
  let phase = 0
  return out.map((sample) => {
    phase += (strokesHz * (0.7 + 0.6 * random())) / RATE_HZ
    return sample + Math.max(0, Math.sin(2 * Math.PI * phase)) * resonance(2 * random() - 1)
  })
}

/** Motors and compressors: pulses through a body of three resonances, faster and slower. */
export const motors: Noise = (length, random) => {
  const out = quiet(length, random)
  const body = [between(150, 900, random), between(700, 2_500, random), between(1_800, 4_500, random)].map((hz) =>
    resonator(hz, between(0.9, 0.985, random)),
  )
  const [idleHz, revHz, rough] = [between(40, 220, random), between(0.1, 3, random), random()]
  let phase = 0
  let time = 0
  return out.map((sample) => {
    time += 1 / RATE_HZ
    phase += (idleHz * (1 + 0.4 * Math.sin(2 * Math.PI * revHz * time))) / RATE_HZ
    const pulse = phase >= 1 ? 1 : 0
    phase -= pulse
    const source = pulse * (1 - 0.5 * rough * random()) + 0.03 * rough * (2 * random() - 1)
    return sample + body.reduce((sum, resonance) => sum + resonance(source), 0)
  })
}

/** Voices of which nothing can be understood: backwards. */
export function backwards(voices: readonly Float32Array[]): Noise {
  return (length, random) => {
    const voice = voices[Math.floor(random() * voices.length)] ?? new Float32Array(1)
    const from = Math.floor(random() * voice.length)
    return Float32Array.from({ length }, (_, at) => voice[(from + length - at) % voice.length] ?? 0)
  }
}

function quiet(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => FLOOR * (2 * random() - 1))
}

function add(out: Float32Array, from: number, lengthS: number, sample: (seconds: number) => number): void {
  const until = Math.min(out.length, from + Math.ceil(lengthS * RATE_HZ))
  for (let at = from; at < until; at++) out[at] = (out[at] ?? 0) + sample((at - from) / RATE_HZ)
}

/** Rises and falls within a hundredth of a second. */
function envelope(seconds: number, lengthS: number): number {
  return Math.min(1, 100 * seconds, Math.max(0, 100 * (lengthS - seconds)))
}

/** Of two poles: the nearer `radius` to 1, the longer it rings. */
function resonator(hz: number, radius: number): (sample: number) => number {
  const turn = 2 * radius * Math.cos((2 * Math.PI * hz) / RATE_HZ)
  let [last, before] = [0, 0]
  return (sample) => {
    const next = sample * (1 - radius) + turn * last - radius * radius * before
    before = last
    last = next
    return next
  }
}
