/** A room around a voice: its first echoes and its tail, made by arithmetic. */

const RATE_HZ = 16_000
/** Seconds in which a room's tail falls by 60 dB: an office, a hall. */
const DECAY_S = { least: 0.15, most: 0.7 }
/** Power of all that comes back to that of what comes straight, in dB. */
const RETURNED_DB = { least: -15, most: 0 }
/** The tail is a sum of this many echoes: as dense as its own fall lets one hear. */
const ECHOES_A_SECOND = 600

/** As somebody hears it from across a room; as long as the voice. */
export function inRoom(voice: Float32Array, random: () => number): Float32Array {
  const decayS = DECAY_S.least * (DECAY_S.most / DECAY_S.least) ** random()
  const echoes = Array.from({ length: Math.ceil(ECHOES_A_SECOND * decayS) }, () => {
    const delayS = 0.003 + decayS * random()
    return { delay: Math.round(delayS * RATE_HZ), level: (2 * random() - 1) * 10 ** ((-3 * delayS) / decayS) }
  })
  const power = echoes.reduce((sum, { level }) => sum + level * level, 0)
  const returned = 10 ** ((RETURNED_DB.least + (RETURNED_DB.most - RETURNED_DB.least) * random()) / 20)
  const out = voice.slice()
  for (const { delay, level } of echoes) {
    const gain = (returned * level) / Math.sqrt(power)
    for (let at = delay; at < out.length; at++) out[at] = (out[at] as number) + gain * (voice[at - delay] as number)
  }
  return out
}
