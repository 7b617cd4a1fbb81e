/** Synthetic speech from Debian's espeak-ng and flite, and what is done to it so that some of it is misheard. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mixAt } from '../../../evaluation/noise.ts'
import { Resampler } from '../../../speech/resampler.ts'
import { readWav } from '../../../speech/wav.ts'

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
    const head = resampler.push(samples)
    const tail = resampler.finish()
    const all = new Float32Array(head.length + tail.length)
    all.set(head)
    all.set(tail, head.length)
    return all
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A quarter of a second of quiet around it, another level, and noise of a colour between white and brown. */
export function roughened(clean: Float32Array, snrDb: number, random: () => number): Float32Array {
  const pad = RATE_HZ / 4
  const out = new Float32Array(clean.length + 2 * pad)
  const level = 0.2 + 0.8 * random()
  clean.forEach((sample, at) => (out[pad + at] = level * sample))
  const colour = 0.98 * random()
  let last = 0
  const noise = Float32Array.from(out, () => {
    last = colour * last + (random() - 0.5)
    return last
  })
  return mixAt(out, noise, { snrDb, offset: 0 })
}
