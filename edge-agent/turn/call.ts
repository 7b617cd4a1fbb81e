/**
 * A recorded call: each channel is one speaker, heard by itself, utterance after utterance, each by what the ones before told of voice and line. An utterance ends where the
 * recogniser says that its speaker has finished; times are counted from the start of the recording.
 */
import { KnownVoice } from '../speech/known-voice.ts'
import type { Ears, Heard, HeardChannel, HeardUtterance, TimedWord } from './ports.ts'

/** What a telephone sends at once is 20 ms; five of them make an endpoint exact to a tenth of a second. */
const BLOCK_S = 0.1
/** Channels this much alike (of their own power) are one microphone recorded twice. */
const ALIKE = 0.001

export interface CallAudio {
  readonly sampleRateHz: number
  readonly channels: readonly Float32Array[]
}

/** True when two channels carry different sounds, as the two ends of a call do. */
export function isCall(channels: readonly Float32Array[]): boolean {
  const [left, right] = channels
  if (channels.length !== 2 || left === undefined || right === undefined) return false
  let difference = 0
  let power = 0
  for (let i = 0; i < left.length; i++) {
    const [l, r] = [left[i] ?? 0, right[i] ?? 0]
    difference += (l - r) ** 2
    power += l * l + r * r
  }
  return difference > ALIKE * power
}

/** Ears that hear the whole call, whatever audio they are given. */
export function callEars(ears: Ears, audio: CallAudio): Ears {
  return { model: ears.model, listen: async (_, { signal }) => await hearCall(ears, audio, signal) }
}

/** Hears the channels side by side. The whole's text is what both said, in the order in which they began. */
async function hearCall(ears: Ears, audio: CallAudio, signal: AbortSignal): Promise<Heard> {
  const heard = await Promise.all(
    audio.channels.map(async (samples) => await hearChannel(ears, samples, { ...audio, signal })),
  )
  const channels = heard.map((pieces, channel): HeardChannel => ({
    channel,
    text: pieces
      .flatMap(({ said }) => said)
      .map(({ text }) => text)
      .join(' '),
    utterances: pieces.flatMap(({ said }) => said),
  }))
  const pieces = heard.flat()
  const said = channels
    .flatMap(({ utterances }) => utterances)
    .sort((one, other) => one.startMs - other.startMs)
  return {
    kind: kindOf(said),
    text: said.map(({ text }) => text).join(' '),
    confidence: said.length === 0 ? 0 : Math.min(...said.map(({ confidence }) => confidence)),
    alternatives: [],
    audioMs: Math.round((1_000 * (audio.channels[0]?.length ?? 0)) / audio.sampleRateHz),
    finishMs: Math.max(0, ...pieces.map(({ whole }) => whole.finishMs)),
    runtimeMs: pieces.reduce((sum, { whole }) => sum + whole.runtimeMs, 0),
    channels,
  }
}

function kindOf(said: readonly HeardUtterance[]): Heard['kind'] {
  if (said.length === 0) return 'nothing'
  return said.some(({ kind }) => kind === 'heard') ? 'heard' : 'rejected'
}

interface Piece {
  readonly whole: Heard
  readonly said: readonly HeardUtterance[]
}

async function hearChannel(
  ears: Ears,
  samples: Float32Array,
  o: { readonly sampleRateHz: number; readonly signal: AbortSignal },
): Promise<Piece[]> {
  const pieces: Piece[] = []
  const voice = new KnownVoice()
  const size = Math.round(o.sampleRateHz * BLOCK_S)
  for (let at = 0; at < samples.length;) {
    const speaker = { hasFinished: false }
    const from = at
    const blocks = async function* (): AsyncGenerator<Float32Array> {
      while (at < samples.length && !speaker.hasFinished) {
        yield samples.subarray(at, at + size)
        at += size
      }
    }
    const whole = await ears.listen(
      { kind: 'wav', sampleRateHz: o.sampleRateHz, warnings: [], blocks: blocks() },
      {
        onPartial: () => undefined,
        onEndpoint: () => (speaker.hasFinished = true),
        voice,
        signal: o.signal,
      },
    )
    const startMs = Math.round((1_000 * from) / o.sampleRateHz)
    pieces.push({ whole, said: utterancesOf(whole, startMs) })
  }
  return pieces
}

function utterancesOf(whole: Heard, startMs: number): HeardUtterance[] {
  if (whole.kind === 'nothing') return []
  const words = (whole.words ?? []).map((word): TimedWord => ({
    ...word,
    startMs: startMs + word.startMs,
    endMs: startMs + word.endMs,
  }))
  return [
    {
      kind: whole.kind,
      text: whole.text,
      confidence: whole.confidence,
      startMs: words[0]?.startMs ?? startMs,
      endMs: words.at(-1)?.endMs ?? startMs + whole.audioMs,
      words,
    },
  ]
}
