/** Tiny models on the disk, as their users have them and as they are imported; and audio to play to them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { importModel, type Imported } from '../../edge-agent/models-import/import-model.ts'
import {
  seeded,
  tinyNemo,
  tinyTOne,
  tinyZipformer2Ctc,
  tinyZipformer2Transducer,
  tinyZipformerTransducer,
  type TinyModel,
} from './tiny-models.ts'

export const TINY: Readonly<Record<string, () => TinyModel>> = {
  'nemo-ctc': () => tinyNemo(),
  'zipformer2-ctc': () => tinyZipformer2Ctc(),
  't-one-ctc': () => tinyTOne(),
  'zipformer-transducer': () => tinyZipformerTransducer(),
  'zipformer2-transducer': () => tinyZipformer2Transducer(),
}

/** Writes a model's files to a folder of its own; gives the paths of its ONNX files. */
export function writeTiny(dir: string, model: TinyModel): readonly string[] {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'tokens.txt'), model.tokens)
  return Object.entries(model.files).map(([role, bytes]) => {
    const path = join(dir, `${role}.onnx`)
    writeFileSync(path, bytes)
    return path
  })
}

export async function importTiny(
  folder: string,
  files: readonly string[],
  options: { readonly name?: string; readonly licence?: string; readonly tokens?: string } = {},
): Promise<Imported> {
  return await importModel({
    folder,
    files,
    ...options,
    nowMs: Date.UTC(2026, 0, 1),
    signal: new AbortController().signal,
  })
}

/** Tones that glide, swell and stop, over a little noise: every frame differs from the one before. */
export function glides(seed: number, seconds: number, sampleRate: number): Float32Array {
  const random = seeded(seed)
  const out = new Float32Array(Math.round(seconds * sampleRate))
  const rates = Array.from({ length: 4 }, () => 0.5 + 3 * random())
  const heights = Array.from({ length: 4 }, () => 150 + 2_500 * random())
  const phases = [0, 0, 0, 0]
  for (let i = 0; i < out.length; i++) {
    const at = i / sampleRate
    let value = 0.02 * (random() - 0.5)
    for (let tone = 0; tone < 4; tone++) {
      const hertz =
        (heights[tone] ?? 0) * (1 + 0.5 * Math.sin(rates[tone] ?? 0) * Math.sin((rates[tone] ?? 0) * at * 5))
      phases[tone] = (phases[tone] ?? 0) + (2 * Math.PI * hertz) / sampleRate
      value += 0.15 * Math.max(0, Math.sin(at * 4 * (rates[tone] ?? 0))) * Math.sin(phases[tone] ?? 0)
    }
    out[i] = value
  }
  return out
}

export function withTail(samples: Float32Array, tail: number): Float32Array {
  const out = new Float32Array(samples.length + tail)
  out.set(samples)
  return out
}
