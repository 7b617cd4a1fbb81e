/** Noises that people speak in, made from nothing: a rush of some colour, voices all at once, things that knock together. */

/** Samples at 16 kHz; only their shape matters, since they are mixed at a ratio. */
export type Noise = (length: number, random: () => number) => Float32Array

const RATE_HZ = 16_000
const KNOCKS_A_SECOND = 4

/** Between white and brown. */
export const rush: Noise = (length, random) => {
  const colour = 0.98 * random()
  let last = 0
  return Float32Array.from({ length }, () => {
    last = colour * last + (random() - 0.5)
    return last
  })
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
