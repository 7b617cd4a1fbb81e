/** Noises that people speak in, made from nothing: a rush of some colour, voices all at once, things that knock together. */

import { mixAt } from '../../../evaluation/noise.ts'

/** Samples at 16 kHz; only their shape matters, since they are mixed at a ratio. */
export type Noise = (length: number, random: () => number) => Float32Array

const RATE_HZ = 16_000
const KNOCKS_A_SECOND = 4
/** Of leaky sums: the closer to one, the lower. */
const RUMBLE_POLES = [0.5, 0.9, 0.98, 0.995]

/** Between white and brown. */
export const rush: Noise = (length, random) => {
  const colour = 0.98 * random()
  let last = 0
  return Float32Array.from({ length }, () => {
    last = colour * last + (random() - 0.5)
    return last
  })
}

/** Machines, traffic and rooms: lows above all. */
export const rumble: Noise = (length, random) => {
  const state = RUMBLE_POLES.map(() => 0)
  const slope = 0.7 + 2 * random()
  return Float32Array.from({ length }, () => {
    let sum = 0
    RUMBLE_POLES.forEach((pole, at) => {
      state[at] = pole * (state[at] ?? 0) + (random() - 0.5) * Math.sqrt(1 - pole * pole)
      sum += (state[at] ?? 0) * slope ** at
    })
    return sum
  })
}

/** The two at once, either the louder one by up to 5 dB. */
export const both =
  (one: Noise, other: Noise): Noise =>
  (length, random) => {
    const [first, second] = [one(length, random), other(length, random)]
    return mixAt(first, second, { snrDb: 10 * (random() - 0.5), offset: 0 })
  }

/** Ringing blows of pots and cups over a rush. */
export const clatter: Noise = (length, random) => {
  const out = rush(length, random).map((sample) => 0.05 * sample)
  const blows = Math.ceil((KNOCKS_A_SECOND * length) / RATE_HZ)
  for (let blow = 0; blow < blows; blow++) {
    const start = Math.floor(random() * length)
    const loud = random() ** 2
    for (let mode = 0; mode < 5; mode++) {
      const turn = (2 * Math.PI * (300 + 5_000 * random())) / RATE_HZ
      const fade = Math.exp(-1 / (RATE_HZ * (0.01 + 0.15 * random())))
      let level = loud * random()
      for (let at = start; at < length && level > 1e-4; at++, level *= fade)
        out[at] = (out[at] ?? 0) + level * Math.sin(turn * (at - start))
    }
  }
  return out
}

/** Strings and bars: single notes and chords, loudest where they begin, each with the overtones of its pitch. */
export const plucked: Noise = (length, random) => {
  const out = rush(length, random).map((sample) => 0.01 * sample)
  const base = 80 + 160 * random()
  const everyS = 0.15 + 0.5 * random()
  for (let start = 0; start < length; start += Math.ceil(RATE_HZ * everyS * (0.5 + random())))
    for (let voice = Math.floor(1 + 3 * random()); voice > 0; voice--) {
      const hz = base * 2 ** (Math.floor(25 * random()) / 12)
      const bright = 0.2 + 0.7 * random()
      const fade = Math.exp(-1 / (RATE_HZ * (0.05 + 0.5 * random())))
      let level = 0.2 + random()
      for (let at = start; at < length && level > 1e-3; at++, level *= fade) {
        let tone = 0
        for (let k = 1; k <= 6; k++) tone += bright ** k * Math.sin((2 * Math.PI * k * hz * (at - start)) / RATE_HZ)
        out[at] = (out[at] ?? 0) + level * tone
      }
    }
  return out
}

/** Several of `voices` at once, each from somewhere in it. */
export function babble(voices: readonly Float32Array[]): Noise {
  return (length, random) => {
    const out = new Float32Array(length)
    for (let talker = 0; talker < 5 && voices.length > 0; talker++) {
      const voice = voices[Math.floor(random() * voices.length)] ?? out
      const from = Math.floor(random() * voice.length)
      for (let at = 0; at < length; at++) out[at] = (out[at] ?? 0) + (voice[(from + at) % voice.length] ?? 0)
    }
    return out
  }
}
