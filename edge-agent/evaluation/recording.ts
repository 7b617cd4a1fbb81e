/** Reads one recording of a manifest, WAV or FLAC, and mixes noise into it when that is asked for. */
import { readFileSync } from 'node:fs'
import { StarlingError } from '../../shared/errors.ts'
import { AudioRefused } from '../speech/errors.ts'
import { isFlac, readFlac } from '../speech/flac.ts'
import { Resampler } from '../speech/resampler.ts'
import { readWav, type WavAudio } from '../speech/wav.ts'
import { type Entry, ManifestRefused } from './manifest.ts'
import { mixAt } from './noise.ts'

export interface Sound {
  readonly sampleRate: number
  readonly samples: Float32Array
}

export class NoiseRefused extends StarlingError {
  override readonly code = 'noise_refused'
}

/** Reads a WAV or FLAC file by its first bytes. Throws AudioRefused, or what reading the file throws. */
export function readSound(path: string, read: () => Uint8Array = () => readFileSync(path)): WavAudio {
  const bytes = read()
  return isFlac(bytes) ? readFlac(bytes) : readWav(bytes)
}

/** The entry's samples: its channel when it names one, else the mean of all. Throws {@link ManifestRefused}. */
export function recordingOf(entry: Entry): Sound {
  let audio: WavAudio
  try {
    audio = readSound(entry.path, entry.read)
  } catch (cause) {
    const remedy = cause instanceof AudioRefused ? cause.remedy : 'Give a WAV or FLAC file that can be read.'
    throw new ManifestRefused(`line ${entry.line}: ${entry.audio}: ${(cause as Error).message}`, {
      remedy,
      cause,
      details: { line: entry.line },
    })
  }
  if (entry.channel === undefined) return audio
  const samples = audio.channelSamples[entry.channel]
  if (samples === undefined)
    throw new ManifestRefused(
      `line ${entry.line}: ${entry.audio} has ${audio.channels} channels, none of them number ${entry.channel}`,
      { remedy: 'Channels are counted from 0.', details: { line: entry.line } },
    )
  return { sampleRate: audio.sampleRate, samples }
}

/** Noise to be mixed in: at which ratio, and from where in it by which seed. */
export interface NoiseSource {
  mix(sound: Sound, turn: number): Sound
}

/** Throws {@link NoiseRefused} for a file that cannot be read or is silent. */
export function openNoise(path: string, o: { readonly snrDb: number; readonly seed: number }): NoiseSource {
  let noise: Sound
  try {
    noise = readSound(path)
  } catch (cause) {
    throw new NoiseRefused(`the noise ${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give a WAV or FLAC file.',
      cause,
    })
  }
  if (!noise.samples.some((value) => value !== 0))
    throw new NoiseRefused(`the noise ${path} is silent: no ratio to it can be made`, {
      remedy: 'Give a recording with sound in it.',
    })
  const byRate = new Map<number, Float32Array>([[noise.sampleRate, noise.samples]])
  const at = (rate: number): Float32Array => {
    const held = byRate.get(rate)
    if (held !== undefined) return held
    const made = new Resampler(noise.sampleRate, rate).push(noise.samples)
    byRate.set(rate, made)
    return made
  }
  return {
    mix: ({ sampleRate, samples }, turn) => {
      const sound = at(sampleRate)
      const offset = Math.floor(fraction(o.seed, turn) * sound.length)
      return { sampleRate, samples: mixAt(samples, sound, { snrDb: o.snrDb, offset }) }
    },
  }
}

/** In [0, 1), the same for the same seed and turn: each recording meets another stretch, in every run the same one. */
function fraction(seed: number, turn: number): number {
  let x = (Math.imul(seed + 1, 0x9e37_79b1) ^ Math.imul(turn + 1, 0x85eb_ca6b)) >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb_352d) >>> 0
  x = Math.imul(x ^ (x >>> 15), 0x846c_a68b) >>> 0
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
}
