/** What adaptation learns from is what the recogniser scores: from the voice on, once a frame, by the channel as it is known at the end. */
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { utteranceOf } from '../../../edge-agent/adaptation/utterance.ts'
import { readManifest } from '../../../edge-agent/evaluation/manifest.ts'
import { recordingOf } from '../../../edge-agent/evaluation/recording.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { Channels } from '../../../edge-agent/speech/channels.ts'
import { FEATURES } from '../../../edge-agent/speech/features.ts'
import { LanguageModel } from '../../../edge-agent/speech/language-model.ts'
import { Lexicon } from '../../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../../edge-agent/speech/model-files.ts'

const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
const sounds = {
  model: files.phones,
  lexicon: new Lexicon(files, files.phones.phones),
  language: new LanguageModel(files.language),
  channels: new Channels(files.mixture),
}
const { entries } = readManifest(fileURLToPath(MODEL_FOLDERS.guard))
const FRAMES_A_SECOND = 100

it('leaves out what came before the voice, and holds each frame of it once', async () => {
  for (const entry of entries) {
    const { sampleRate, samples } = recordingOf(entry)
    const words = wordsOf(entry.text ?? '')
    const plain = await utteranceOf(sounds, words, { sampleRate, samples })
    // Three seconds of hiss before it, far softer than speech.
    const lead = Float32Array.from(
      { length: 3 * sampleRate },
      (_, i) => 1e-4 * Math.sin(i * i) + (samples[0] ?? 0),
    )
    const late = await utteranceOf(sounds, words, {
      sampleRate,
      samples: Float32Array.from([...lead, ...samples]),
    })
    if (plain === null || late === null) throw new Error(`${entry.path} has no words or no frames`)
    expect(plain.frames).toBeLessThanOrEqual(Math.ceil((samples.length / sampleRate) * FRAMES_A_SECOND) + 2)
    expect(late.frames).toBeLessThan(plain.frames + FRAMES_A_SECOND)
    expect(late.features.length).toBe(late.frames * FEATURES)
    // Frame by frame the same sounds, as far as another beginning leaves them so.
    const rows = Math.min(plain.frames, late.frames) - 60
    const apart = (shift: number): number => {
      const own = plain.features.subarray((plain.frames - rows) * FEATURES)
      const other = late.features.subarray((late.frames - rows - shift) * FEATURES)
      return median(own.map((value, i) => Math.abs(value - (other[i] as number))))
    }
    expect(apart(0)).toBeLessThan(apart(10) / 2)
  }
}, 60_000)

function median(values: Float32Array): number {
  return values.toSorted()[values.length >> 1] as number
}
