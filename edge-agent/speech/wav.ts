/**
 * Reads RIFF/WAVE as it comes from recorders, browsers and telephones: integer PCM of 8 to 32 bits, float, mu-law and
 * A-law, plain or WAVE_FORMAT_EXTENSIBLE, any number of channels. Damage that leaves audio is a warning, not a refusal.
 */
import { AudioRefused } from './errors.ts'

/** Longer recordings belong to a batch, not to a turn: at 10 minutes a 48 kHz stereo file is 115 MB. */
export const MAX_AUDIO_S = 600
const LEAST_RATE_HZ = 8_000
const GREATEST_RATE_HZ = 48_000
const MAX_CHANNELS = 16
/** This share of samples at full scale is heard as distortion. */
const CLIPPED_SHARE = 0.001
const FULL_SCALE = 0.999

export interface WavAudio {
  readonly sampleRate: number
  readonly channels: number
  /** Mono, full scale 1: the mean of the channels. */
  readonly samples: Float32Array
  /** Each channel by itself. */
  readonly channelSamples: readonly Float32Array[]
  readonly durationS: number
  /** For people: what is wrong with the recording although it could be read. */
  readonly warnings: readonly string[]
}

interface Format {
  readonly codec: number
  readonly channels: number
  readonly sampleRate: number
  readonly bits: number
}

/** Throws {@link AudioRefused}. */
export function readWav(bytes: Uint8Array): WavAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  requireRiff(view)
  const warnings: string[] = []
  let format: Format | undefined
  for (let at = 12; at + 8 <= view.byteLength;) {
    const name = tag(view, at)
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    if (name === 'fmt ') format = readFormat(view, start, size)
    if (name === 'data') {
      if (format === undefined)
        throw refuse(
          'no-format',
          'the data chunk comes before any format chunk',
          'Save the recording again as WAV.',
        )
      return readData(view, { start, size, format, warnings })
    }
    at = start + size + (size % 2)
  }
  if (format === undefined)
    throw refuse('truncated-header', 'the file ends before its format chunk', 'Copy or record it again.')
  throw refuse('no-data', 'the file has no data chunk', 'Record or export it again as WAV.')
}

function requireRiff(view: DataView): void {
  if (view.byteLength === 0) throw refuse('empty', 'the file is empty', 'Record it again.')
  const head = view.byteLength >= 4 ? tag(view, 0) : ''
  if (head !== 'RIFF' || (view.byteLength >= 12 && tag(view, 8) !== 'WAVE')) {
    const found = head === 'RIFX' ? 'a big-endian WAV' : 'not a WAV file'
    throw refuse(
      'not-wav',
      `this is ${found}`,
      'Convert it to WAV first, for instance with: sox IN -r 16000 -c 1 OUT.wav',
    )
  }
  if (view.byteLength < 12)
    throw refuse('truncated-header', 'the file ends inside its header', 'Copy or record it again.')
}

const EXTENSIBLE = 0xff_fe

function readFormat(view: DataView, start: number, size: number): Format {
  if (size < 16 || start + 16 > view.byteLength)
    throw refuse('truncated-header', 'the format chunk is cut short', 'Copy or record it again.')
  let codec = view.getUint16(start, true)
  const channels = view.getUint16(start + 2, true)
  const sampleRate = view.getUint32(start + 4, true)
  const bits = view.getUint16(start + 14, true)
  if (codec === EXTENSIBLE) {
    if (size < 40 || start + 40 > view.byteLength)
      throw refuse('truncated-header', 'the extensible format chunk is cut short', 'Copy or record it again.')
    codec = view.getUint16(start + 24, true)
  }
  if (channels < 1 || channels > MAX_CHANNELS)
    throw refuse(
      'unsupported-shape',
      `${channels} channels; 1 to ${MAX_CHANNELS} can be read`,
      'Export it in mono.',
    )
  if (sampleRate < LEAST_RATE_HZ || sampleRate > GREATEST_RATE_HZ)
    throw refuse(
      'unsupported-shape',
      `${sampleRate} samples a second; ${LEAST_RATE_HZ} to ${GREATEST_RATE_HZ} can be read`,
      'Export it at 16,000 Hz.',
    )
  return { codec, channels, sampleRate, bits }
}

type Read = (view: DataView, at: number) => number

/** By codec and bits: 1 is integer PCM, 3 float, 6 A-law, 7 mu-law. */
const READERS: Readonly<Record<string, Read>> = {
  '1/8': (view, at) => (view.getUint8(at) - 128) / 128,
  '1/16': (view, at) => view.getInt16(at, true) / 32_768,
  '1/24': (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65_536) / 8_388_608,
  '1/32': (view, at) => view.getInt32(at, true) / 2_147_483_648,
  '3/32': (view, at) => view.getFloat32(at, true),
  '3/64': (view, at) => view.getFloat64(at, true),
  '6/8': (view, at) => aLaw(view.getUint8(at)),
  '7/8': (view, at) => muLaw(view.getUint8(at)),
}

function readData(
  view: DataView,
  o: { start: number; size: number; format: Format; warnings: string[] },
): WavAudio {
  const { format, warnings } = o
  const read = READERS[`${format.codec}/${format.bits}`]
  if (read === undefined)
    throw refuse(
      'unsupported-codec',
      `codec ${format.codec} with ${format.bits} bits`,
      'Export it as 16-bit PCM WAV, for instance with: sox IN -b 16 -e signed-integer OUT.wav',
    )
  const present = view.byteLength - o.start
  // Recorders that stream write 0xFFFFFFFF, or nothing, where the length was not known yet.
  const streamed = o.size === 0xff_ff_ff_ff || o.size === 0xff_ff_ff_00 || (o.size === 0 && present > 0)
  if (!streamed && o.size > present)
    warnings.push(`the recording is cut short: ${present} of ${o.size} bytes of audio are there`)
  const width = format.bits / 8
  const frame = width * format.channels
  const frames = Math.floor((streamed ? present : Math.min(o.size, present)) / frame)
  if (frames === 0) throw refuse('no-samples', 'the file holds no sample', 'Record it again.')
  const durationS = frames / format.sampleRate
  if (durationS > MAX_AUDIO_S)
    throw refuse(
      'too-long',
      `the recording lasts ${Math.round(durationS)} s; at most MAX_AUDIO_S = ${MAX_AUDIO_S} s can be taken`,
      'Cut it into parts.',
      { durationS, limitS: MAX_AUDIO_S },
    )
  const { samples, channelSamples, clipped } = mix(view, o.start, {
    frames,
    width,
    channels: format.channels,
    read,
  })
  if (clipped > CLIPPED_SHARE)
    warnings.push(
      `the recording is clipped: ${(100 * clipped).toFixed(1)} % of its samples are at full scale`,
    )
  const { sampleRate, channels } = format
  return { sampleRate, channels, samples, channelSamples, durationS, warnings }
}

function mix(
  view: DataView,
  start: number,
  o: { frames: number; width: number; channels: number; read: Read },
) {
  const samples = new Float32Array(o.frames)
  const channelSamples =
    o.channels === 1 ? [samples] : Array.from({ length: o.channels }, () => new Float32Array(o.frames))
  let loud = 0
  let at = start
  for (let i = 0; i < o.frames; i++) {
    let sum = 0
    for (let channel = 0; channel < o.channels; channel++, at += o.width) {
      const raw = o.read(view, at)
      const value = Number.isFinite(raw) ? Math.max(-1, Math.min(1, raw)) : 0
      if (Math.abs(value) >= FULL_SCALE) loud++
      sum += value
      if (o.channels > 1) (channelSamples[channel] as Float32Array)[i] = value
    }
    samples[i] = sum / o.channels
  }
  return { samples, channelSamples, clipped: loud / (o.frames * o.channels) }
}

/** ITU-T G.711. */
function muLaw(code: number): number {
  const bits = ~code & 0xff
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)
  return ((bits & 0x80) !== 0 ? 0x84 - magnitude : magnitude - 0x84) / 32_768
}

/** ITU-T G.711. */
function aLaw(code: number): number {
  const bits = code ^ 0x55
  const exponent = (bits & 0x70) >> 4
  const base = ((bits & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? base : (base + 0x1_00) << (exponent - 1)
  return ((bits & 0x80) !== 0 ? magnitude : -magnitude) / 32_768
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  )
}

function refuse(
  reason: AudioRefused['reason'],
  message: string,
  remedy: string,
  details?: Readonly<Record<string, unknown>>,
): AudioRefused {
  return new AudioRefused(reason, message, remedy, details)
}
