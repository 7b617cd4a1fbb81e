/** Writes WAV files of every shape, so that the reader meets what recorders, browsers and telephones write. */
export interface Shape {
  readonly codec?: number
  readonly bits?: number
}

export interface FileShape extends Shape {
  readonly rate: number
  readonly channels?: number
  /** The samples hold all channels already. */
  readonly interleaved?: boolean
  readonly extensible?: boolean
  /** Chunks before the format, and between it and the data. */
  readonly before?: readonly Buffer[]
  readonly between?: readonly Buffer[]
  /** The length that the data chunk claims, when it is not the true one. */
  readonly claimed?: number
  /** Bytes of the data chunk as they are, instead of samples. */
  readonly data?: Buffer
}

export function tone(hz: number, seconds: number, rate: number): Float32Array {
  return Float32Array.from(
    { length: Math.round(seconds * rate) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate),
  )
}

export function chunk(name: string, content: Buffer, claimed = content.length): Buffer {
  const head = Buffer.alloc(8)
  head.write(name, 0, 'latin1')
  head.writeUInt32LE(claimed, 4)
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)])
}

export function waveFile(samples: Float32Array, shape: FileShape): Buffer {
  const { codec = 1, bits = 16, rate, channels = 1 } = shape
  const copies = shape.interleaved === true ? 1 : Math.max(1, channels)
  const data =
    shape.data ??
    Buffer.concat(
      Array.from(samples, (x) => Buffer.concat(Array.from({ length: copies }, () => sample(x, codec, bits)))),
    )
  const format = Buffer.alloc(shape.extensible === true ? 40 : 16)
  format.writeUInt16LE(shape.extensible === true ? 0xff_fe : codec, 0)
  format.writeUInt16LE(channels, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt32LE((rate * channels * bits) / 8, 8)
  format.writeUInt16LE(Math.ceil((channels * bits) / 8), 12)
  format.writeUInt16LE(bits, 14)
  if (shape.extensible === true) {
    format.writeUInt16LE(22, 16)
    format.writeUInt16LE(bits, 18)
    format.writeUInt16LE(codec, 24)
  }
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...(shape.before ?? []),
    chunk('fmt ', format),
    ...(shape.between ?? []),
    chunk('data', data, shape.claimed ?? data.length),
  ])
  return chunk('RIFF', body)
}

function sample(value: number, codec: number, bits: number): Buffer {
  const out = Buffer.alloc(bits / 8)
  const whole = (scale: number) => Math.round(Math.max(-scale, Math.min(scale - 1, value * scale)))
  if (codec === 6) out.writeUInt8(aLawCode(value))
  else if (codec === 7) out.writeUInt8(muLawCode(value))
  else if (codec === 3) {
    if (bits === 32) out.writeFloatLE(value)
    else out.writeDoubleLE(value)
  } else if (bits === 8) out.writeUInt8(whole(128) + 128)
  else out.writeIntLE(whole(2 ** (bits - 1)), 0, bits / 8)
  return out
}

/** ITU-T G.711 by search: the code whose step holds the value. */
export function muLawCode(value: number): number {
  const magnitude = Math.min(32_635, Math.round(Math.abs(value) * 32_768)) + 132
  const exponent = Math.floor(Math.log2(magnitude)) - 7
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~((value < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}

export function aLawCode(value: number): number {
  const magnitude = Math.min(32_767, Math.round(Math.abs(value) * 32_768)) >> 4
  const exponent = magnitude < 32 ? (magnitude < 16 ? 0 : 1) : Math.floor(Math.log2(magnitude)) - 3
  const mantissa = exponent < 2 ? magnitude & 0x0f : (magnitude >> (exponent - 1)) & 0x0f
  return ((value < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55
}
