/** A declared runtime as ears: the whole utterance goes to it at once, after it has shown that it still serves the same model. */
import type { Clock } from '../../shared/clock.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import { httpRuntime, RuntimeRefused } from '../models-import/http-runtime.ts'
import type { DeclaredCard } from '../neural/model-card.ts'
import { AudioRefused } from '../speech/errors.ts'
import { MAX_AUDIO_S } from '../speech/wav.ts'
import { writeWav } from '../speech/wav-writer.ts'
import type { AudioSource, Ears, Heard } from './ports.ts'

/** Throws `RuntimeRefused` when the card names another machine. */
export function openRuntimeEars(card: DeclaredCard, clock: Clock): Ears {
  const { name, class: modelClass, licence, residency, source, digest } = card
  const runtime = httpRuntime(card.url)
  return {
    model: {
      name,
      digest: parseSha256Hex(digest),
      provider: 'http',
      traits: { class: modelClass, licence, residency, source },
    },
    async listen(audio, { signal }): Promise<Heard> {
      signal.throwIfAborted()
      const now = await runtime.model(signal)
      if (now.digest !== digest)
        throw new RuntimeRefused(
          `the runtime serves ${now.name} (${now.digest.slice(0, 12)}…) now, not ${card.model.name}`,
          {
            remedy: 'Let it serve that model again, or declare it anew under another name.',
          },
        )
      const samples = await whole(audio)
      const endedMs = clock.monotonicMs()
      const { text, confidence } = await runtime.recognise(writeWav(samples, audio.sampleRateHz), signal)
      const tookMs = clock.monotonicMs() - endedMs
      return {
        kind: text.trim() === '' ? 'nothing' : 'heard',
        text: text.trim(),
        confidence,
        audioMs: (samples.length / audio.sampleRateHz) * 1_000,
        finishMs: tookMs,
        runtimeMs: tookMs,
        alternatives: [],
      }
    },
  }
}

async function whole({ blocks, sampleRateHz }: AudioSource): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  let length = 0
  for await (const block of blocks) {
    length += block.length
    if (length > MAX_AUDIO_S * sampleRateHz)
      throw new AudioRefused('too-long', `more than ${MAX_AUDIO_S} s were spoken`, 'Speak in parts.')
    pieces.push(block)
  }
  const samples = new Float32Array(length)
  let at = 0
  for (const piece of pieces) {
    samples.set(piece, at)
    at += piece.length
  }
  return samples
}
