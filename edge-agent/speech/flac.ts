/**
 * Decodes FLAC (RFC 9639): every subframe type and stereo mode, to mono floats. The stream's own MD5 is checked, so that
 * a damaged file is refused instead of being heard as noise.
 */
import { createHash } from 'node:crypto'
import { BitReader, EndOfBits } from './bit-reader.ts'
import { AudioRefused } from './errors.ts'
import { decodeSubframe } from './flac-subframe.ts'
import { MAX_AUDIO_S, type WavAudio } from './wav.ts'

const MARKER = 0x66_4c_61_43
const STREAM_INFO = 0
const STREAM_INFO_BYTES = 34
const SYNC = 0b11_1111_1111_1110
const BLOCK_SIZES: Readonly<Record<number, number>> = { 1: 192, 2: 576, 3: 1_152, 4: 2_304, 5: 4_608 }
const BIT_DEPTHS: Readonly<Record<number, number>> = { 1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32 }

interface StreamInfo {
  readonly sampleRate: number
  readonly channels: number
  readonly bits: number
  readonly frames: number
  readonly md5: string
}

export function isFlac(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === MARKER
}

/** Throws {@link AudioRefused}. */
export function readFlac(bytes: Uint8Array): WavAudio {
  if (!isFlac(bytes)) throw refuse('not-wav', 'this is not a FLAC file')
  try {
    return decode(bytes)
  } catch (cause) {
    if (cause instanceof EndOfBits) throw refuse('truncated-header', 'the file ends too early')
    throw cause
  }
}

function decode(bytes: Uint8Array): WavAudio {
  const bits = new BitReader(bytes, 4)
  const info = readMetadata(bits)
  const durationS = info.frames / info.sampleRate
  if (info.frames === 0) throw refuse('no-samples', 'the file holds no sample, or does not say how many')
  if (durationS > MAX_AUDIO_S)
    throw refuse(
      'too-long',
      `the recording lasts ${Math.round(durationS)} s; at most MAX_AUDIO_S = ${MAX_AUDIO_S} s can be taken`,
    )
  const channels = Array.from({ length: info.channels }, () => new Int32Array(info.frames))
  for (let at = 0; at < info.frames;) at += readFrame(bits, info, { channels, at })
  checkDigest(channels, info)
  const scale = 2 ** (info.bits - 1)
  const floats = channels.map((values) => Float32Array.from(values, (value) => value / scale))
  const samples = new Float32Array(info.frames)
  for (const values of floats)
    for (let i = 0; i < samples.length; i++)
      samples[i] = (samples[i] as number) + (values[i] as number) / floats.length
  return {
    sampleRate: info.sampleRate,
    channels: info.channels,
    samples,
    channelSamples: floats,
    durationS,
    warnings: [],
  }
}

function readMetadata(bits: BitReader): StreamInfo {
  let info: StreamInfo | undefined
  for (let last = false; !last;) {
    last = bits.read(1) === 1
    const kind = bits.read(7)
    const size = bits.read(24)
    const start = bits.byte
    if (kind === STREAM_INFO && size >= STREAM_INFO_BYTES) info = readStreamInfo(bits)
    bits.seek(start + size)
  }
  if (info === undefined) throw refuse('no-format', 'the file has no stream info')
  return info
}

function readStreamInfo(bits: BitReader): StreamInfo {
  bits.skip(16 + 16 + 24 + 24)
  const sampleRate = bits.read(20)
  const channels = bits.read(3) + 1
  const depth = bits.read(5) + 1
  const frames = bits.read(4) * 2 ** 32 + bits.read(32)
  const md5 = Array.from({ length: 16 }, () => bits.read(8).toString(16).padStart(2, '0')).join('')
  if (sampleRate < 8_000 || sampleRate > 48_000)
    throw refuse('unsupported-shape', `${sampleRate} samples a second; 8000 to 48000 can be read`)
  return { sampleRate, channels, bits: depth, frames, md5 }
}

/** Decodes one frame into the channels and returns how many samples it held. */
function readFrame(
  bits: BitReader,
  info: StreamInfo,
  into: { readonly channels: readonly Int32Array[]; readonly at: number },
): number {
  if (bits.read(14) !== SYNC) throw damaged('a frame does not begin where it should')
  bits.skip(2)
  const sizeCode = bits.read(4)
  const rateCode = bits.read(4)
  const mode = bits.read(4)
  const depthCode = bits.read(3)
  bits.skip(1)
  skipNumber(bits)
  const size = blockSize(bits, sizeCode)
  if (rateCode >= 12) bits.skip(rateCode === 12 ? 8 : 16)
  bits.skip(8)
  const depth = depthCode === 0 ? info.bits : BIT_DEPTHS[depthCode]
  if (depth !== info.bits) throw refuse('unsupported-codec', 'the sample size changes inside the file')
  const channels = mode < 8 ? mode + 1 : 2
  if (channels !== into.channels.length || mode > 10) throw damaged('a frame has another number of channels')
  const blocks = Array.from({ length: channels }, (_, channel) =>
    decodeSubframe(bits, size, depth + (hasSide(mode, channel) ? 1 : 0)),
  )
  joinStereo(mode, blocks)
  const kept = Math.min(size, info.frames - into.at)
  blocks.forEach((block, channel) => into.channels[channel]?.set(block.subarray(0, kept), into.at))
  bits.align()
  bits.skip(16)
  return size
}

/** The frame's or sample's number, in the extended UTF-8 form: only its length matters here. */
function skipNumber(bits: BitReader): void {
  const ones = Math.clz32(~(bits.read(8) << 24))
  if (ones === 1 || ones > 7) throw damaged('a frame has no number')
  bits.skip(8 * Math.max(0, ones - 1))
}

function blockSize(bits: BitReader, code: number): number {
  if (code === 6) return bits.read(8) + 1
  if (code === 7) return bits.read(16) + 1
  const size = code >= 8 ? 2 ** code : BLOCK_SIZES[code]
  if (size === undefined) throw damaged('a frame has a reserved block size')
  return size
}

function hasSide(mode: number, channel: number): boolean {
  return mode === 9 ? channel === 0 : (mode === 8 || mode === 10) && channel === 1
}

function joinStereo(mode: number, [first, second]: readonly Int32Array[]): void {
  if (mode < 8 || first === undefined || second === undefined) return
  for (let i = 0; i < first.length; i++) {
    const a = first[i] as number
    const b = second[i] as number
    if (mode === 8) second[i] = a - b
    else if (mode === 9) first[i] = a + b
    else {
      const middle = 2 * a + (b & 1)
      first[i] = (middle + b) >> 1
      second[i] = (middle - b) >> 1
    }
  }
}

function checkDigest(channels: readonly Int32Array[], info: StreamInfo): void {
  if (/^0+$/.test(info.md5)) return
  const width = Math.ceil(info.bits / 8)
  const pcm = Buffer.alloc(info.frames * channels.length * width)
  let at = 0
  for (let i = 0; i < info.frames; i++)
    for (const values of channels) at = pcm.writeIntLE(values[i] as number, at, width)
  if (createHash('md5').update(pcm).digest('hex') !== info.md5)
    throw damaged('the samples do not have the digest that the file promises')
}

function damaged(why: string): AudioRefused {
  return refuse('damaged', why)
}

function refuse(reason: AudioRefused['reason'], why: string): AudioRefused {
  return new AudioRefused(reason, why, 'Copy the recording again, or convert it to 16-bit PCM WAV.')
}
