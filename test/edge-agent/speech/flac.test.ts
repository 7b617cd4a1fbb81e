import { describe, expect, it } from 'vitest'
import { AudioRefused } from '../../../edge-agent/speech/errors.ts'
import { readFlac } from '../../../edge-agent/speech/flac.ts'

/** Made by libFLAC 1.4.2: two tones in stereo at its highest compression, and quiet noise at its lowest. Their MD5 is inside. */
const TONES = Buffer.from(
  'ZkxhQwAAACIQABAAAAOQAAOQA+gC8AAAA8DfANHX2kaj3h6WPWMuHbSJhAAAKCAAAAByZWZlcmVuY2UgbGliRkxBQyAxLjQuMiAyMDIyMTAyMgAAAAD/+HUYAAO/m0YBEwrSFccfo7U0GIjPuS8KgAAAExj+q8nqOIenyKFeRtXFaRiJofG5tYmSQgkIQSIJESGK52eb7OWkSEKEIQhCSCUVycz29zai0EhQhIIREQkRZEeTb/Zrx1IkQgiEJCIIjCF07ecJu+5SESCIQUECSFFSMb3maz7TIkUIESIQiQhUUto98e2popISIFCIIkEkIuXvON51+KxAlhASIJBFBSV1txubxrsRQSEEQhBIhaC5HIzGHZvTkkhEQQiIhCUImhXH7efOqQpEEUBCwRCRQrJ94/P/qiIiEQoIRCFEFSiHzjNMdk2RJkaEZMQmxEpLEeW3vc488kxRBQhQQJEhCcVbhx82+rQlkEQhEQQVCSFdeO3joatZCQkIIREIUJISmp/j4/1ksREJEQIiCREViR85n5rPxFKESEgSEEhC0RQ0jPsxOd1kSIREERBEIpES5COme3TyaFCFCEIREIJQksWNN5ozT9USRCJAiGBEhQkunG42+dSiIUQiIEhEQUSRMyz3PzTHLRJEEREIJIEokppHnjPHTqIsQKIIQhEJEkrLef1aqFxRjkKGcYoM5mwkCCvNTNRV2VncYOVo5GbiY+Bd1FLJQkzaa6MYJPCPDYAXYABpIgDOiA+P7tqQEMwxIFUAAAExzxPJDJFJFRBVBNHRDJTRPJLHDEJikREIiCiXl/nrrQQohEJJJbo+60IkQiSEi0jtzu0LQQkRJFOFbnp6FESEJIi5bfw1ciEQoSSyej/nKISSERERK1uz6SRIhIQoll89svWhIhIgi0ofTfzSxIRERJJXueNyaEhIRISinfvU4QqIREIlIp0fetEiIRCSJJXpu60UIREQlJD3rbrRJEQSRCou2x9ZkWEUEJIRSue+chUglCEiok+PumRSJCEWIquRnfZKCSESJIZdH060IkiCJRUtGOh6qIiIRIRSL1Hp8KSSIIsQXJX+/0koQiESKIq93uS0IiQhEQ0U/7+SLEJEREpJMR27uEiJCESIrtz+GpEiIhFES/o3fKRDEEShC5b505QiiIghDQk1/30UJQhJElKHm71yIkRERFK5pnDThEkQSQSkrOm9dQkREhChLXz02lIiREhEKpem5+iyEiIQklId98cpESIiIiLaT3FfU3yNDUlMpHYrKj3FMUI8fMStBL1FHWVNpV1lXTUc5KxEDI0V7teqgbJiDdAogAOs9X0=',
  'base64',
)
const NOISE = Buffer.from(
  'ZkxhQwAAACIEgASAAAC1AAC1AfQA8AAAAKA+IeTr7CChfrb9u1Kyr6dxhAAAKCAAAAByZWZlcmVuY2UgbGliRkxBQyAxLjQuMiAyMDIyMTAyMgAAAAD/+GQIAJ83EAGL18JfXgZ8u3TWMDQJAfBIMRcCwcnjrEPuxlEPfJJN4OmHOaSRbxmprxgjBQCWpCp0XFZ0gWH8SiieZUOkSci2gEvhJRT2DWE/jLcEwNowVhY9Gc3ZhwEBjnTi8qYLWdOXwdGx5cp4ISh68BXhDUFwJLswJwhDQOSHcogpfiSMLAXAmeXInIoqOKv4fGwYuO1O2iclGJqkuA8jMFM++GkK+JY3jEMOtgBQzDmT',
  'base64',
)

function reasonOf(bytes: Uint8Array): string {
  try {
    readFlac(bytes)
  } catch (thrown) {
    if (thrown instanceof AudioRefused) return thrown.reason
    throw thrown
  }
  return 'read'
}

describe('reading FLAC', () => {
  it('gives the samples of a stereo file, whose digest it checks', () => {
    const audio = readFlac(TONES)
    expect(audio).toMatchObject({ sampleRate: 16_000, channels: 2, durationS: 0.06 })
    const [left, right] = audio.channelSamples
    const largest = (samples: Float32Array | undefined): number => Math.max(...(samples ?? []))
    expect(largest(left)).toBeCloseTo(0.5, 2)
    expect(left?.[9]).toBeCloseTo(0.5 * Math.sin((2 * Math.PI * 440 * 9) / 16_000), 2)
    expect(right?.[9]).toBeCloseTo(0.5 * Math.sin((2 * Math.PI * 660 * 9) / 16_000), 2)
    expect(audio.samples[9]).toBeCloseTo(((left?.[9] ?? 0) + (right?.[9] ?? 0)) / 2, 6)
  })

  it('gives the samples of a mono file at 8 kHz', () => {
    const { sampleRate, samples, channels } = readFlac(NOISE)
    expect({ sampleRate, channels, count: samples.length }).toEqual({
      sampleRate: 8_000,
      channels: 1,
      count: 160,
    })
    expect(samples.some((value) => value !== 0)).toBe(true)
  })

  it('refuses every single damaged byte of the audio', () => {
    const from = NOISE.indexOf(Buffer.from([0xff, 0xf8]))
    expect(from).toBeGreaterThan(0)
    // Behind the frame's own header checksum stand the samples; its last two bytes are a checksum that the digest outdoes.
    for (let at = from + 8; at < NOISE.length - 2; at++) {
      const broken = Uint8Array.from(NOISE)
      broken[at] = (broken[at] ?? 0) ^ 0x10
      expect(reasonOf(broken), `byte ${at}`).not.toBe('read')
    }
  })

  it('refuses a file that ends early, wherever it ends', () => {
    for (let length = 0; length < TONES.length - 2; length += 7)
      expect(reasonOf(TONES.subarray(0, length)), `${length} bytes`).not.toBe('read')
  })

  it('refuses what is no FLAC', () => {
    expect(reasonOf(Buffer.from('RIFF....WAVE'))).toBe('not-wav')
  })
})
