/** A WAV file as a turn's audio, in blocks like a microphone's. */
import { readWav } from '../speech/wav.ts'
import { isCall } from './call.ts'
import type { AudioSource } from './ports.ts'

/** Small enough that the recogniser begins at once, large enough that a file is not thousands of messages. */
const BLOCK_S = 0.5

/** Throws `AudioRefused` when the bytes are not a WAV that can be heard. */
export function wavSource(bytes: Uint8Array): AudioSource {
  const { samples, sampleRate, warnings, channelSamples } = readWav(bytes)
  return {
    kind: 'wav',
    sampleRateHz: sampleRate,
    warnings,
    blocks: blocksOf(samples, sampleRate),
    ...(isCall(channelSamples) ? { channels: channelSamples } : {}),
  }
}

async function* blocksOf(samples: Float32Array, sampleRate: number): AsyncGenerator<Float32Array> {
  const size = Math.round(sampleRate * BLOCK_S)
  for (let at = 0; at < samples.length; at += size) yield samples.subarray(at, at + size)
}
