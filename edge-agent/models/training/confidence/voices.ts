/** Synthetic speech from Debian's espeak-ng and flite, and what is done to it so that some of it is misheard. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mixAt } from '../../../evaluation/noise.ts'
import { Resampler } from '../../../speech/resampler.ts'
import { readWav } from '../../../speech/wav.ts'
import type { Noise } from './noises.ts'

const run = promisify(execFile)

export interface Voice {
  readonly engine: 'espeak-ng' | 'flite'
  readonly name: string
}

const voices = (engine: Voice['engine'], names: string): Voice[] =>
  names.split(' ').map((name) => ({ engine, name }))

export const FITTED_VOICES: readonly Voice[] = [
  ...voices('flite', 'kal16 awb rms'),
  ...voices('espeak-ng', 'en-us+m1 en-us+f1 en-gb+m2 en-gb+f3 en-gb-x-gbclan en-us+m6 en-gb-x-gbcwmd+m5 en-029+f1'),
]
/** Never fitted on. */
export const HELD_OUT_VOICES: readonly Voice[] = [
  ...voices('flite', 'slt'),
  ...voices('espeak-ng', 'en-us+m3 en-gb-scotland+f2 en-gb-x-rp+f4 en-029+m4'),
]

const RATE_HZ = 16_000
const TELEPHONE_HZ = 8_000
const MU = 255
/** Of a first-order high-pass at some 200 Hz. */
const LOW_CUT = 0.15

/** Mono samples at 16 kHz. */
export async function speak(voice: Voice, text: string, speed: number): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-voice-'))
  try {
    const file = join(folder, 'a.wav')
    if (voice.engine === 'flite')
      await run('flite', ['-voice', voice.name, '--setf', `duration_stretch=${1 / speed}`, '-t', text, '-o', file])
    else await run('espeak-ng', ['-v', voice.name, '-s', String(Math.round(160 * speed)), '-w', file, text])
    const { samples, sampleRate } = readWav(await readFile(file))
    if (sampleRate === RATE_HZ) return samples
    const resampler = new Resampler(sampleRate, RATE_HZ)
    return joined(resampler.push(samples), resampler.finish())
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A quarter of a second of quiet around it, another level, and noise at `snrDb`. */
export function roughened(clean: Float32Array, noise: Noise, snrDb: number, random: () => number): Float32Array {
  const pad = RATE_HZ / 4
  const out = new Float32Array(clean.length + 2 * pad)
  const level = 0.2 + 0.8 * random()
  clean.forEach((sample, at) => (out[pad + at] = level * sample))
  return mixAt(out, noise(out.length, random), { snrDb, offset: 0 })
}

/** As a telephone carries it: 8 kHz, no lows, mu-law (G.711) in eight bits. */
export function telephoned(samples: Float32Array): { samples: Float32Array; sampleRate: number } {
  const resampler = new Resampler(RATE_HZ, TELEPHONE_HZ)
  const narrow = joined(resampler.push(samples), resampler.finish())
  let slow = 0
  const carried = narrow.map((sample) => {
    slow += LOW_CUT * (sample - slow)
    return muLaw(sample - slow)
  })
  return { samples: carried, sampleRate: TELEPHONE_HZ }
}

function muLaw(sample: number): number {
  const squeezed = Math.log1p(MU * Math.min(1, Math.abs(sample))) / Math.log1p(MU)
  const level = Math.round(squeezed * 127) / 127
  return (Math.sign(sample) * Math.expm1(level * Math.log1p(MU))) / MU
}

function joined(head: Float32Array, tail: Float32Array): Float32Array {
  const all = new Float32Array(head.length + tail.length)
  all.set(head)
  all.set(tail, head.length)
  return all
}
