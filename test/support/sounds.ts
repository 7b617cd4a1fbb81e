/** Recordings that tests make by arithmetic, and the spoken ones that come with the demonstration. */
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../shared/package-root.ts'

export function spoken(name: 'open' | 'log' | 'note' | 'yes' | 'look' | 'unclear'): Buffer {
  return readFileSync(new URL(`edge-agent/cli/demo/audio/${name}.wav`, packageRoot()))
}

/** 16-bit PCM with a plain header. */
export function wav(
  samples: Float32Array,
  options: { readonly rate?: number; readonly channels?: number } = {},
): Buffer {
  const { rate = 16_000, channels = 1 } = options
  const data = Buffer.alloc(samples.length * 2)
  for (const [at, sample] of samples.entries())
    data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), at * 2)
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + data.length, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * channels * 2, 28)
  head.writeUInt16LE(channels * 2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(data.length, 40)
  return Buffer.concat([head, data])
}

export function silence(seconds: number, rate = 16_000): Float32Array {
  return new Float32Array(Math.round(seconds * rate))
}

/** White noise by a seed. */
export function noise(seconds: number, level: number, rate = 16_000): Float32Array {
  let state = 12_345
  return silence(seconds, rate).map(() => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return level * (state / 2 ** 31 - 1)
  })
}

/** The samples of one of the spoken recordings, which are 16-bit mono at 16 kHz. */
export function samplesOf(recording: Buffer): Float32Array {
  const data = recording.subarray(44)
  return Float32Array.from({ length: data.length / 2 }, (_, at) => data.readInt16LE(at * 2) / 32_768)
}
