/**
 * What an imported model costs beside sherpa-onnx-node: the same file of two million weights, the same audio in pieces of
 * 160 ms, processor time of the whole process (all threads) after one round to warm up. Both must hear the same first.
 */
import { join } from 'node:path'
import { openNeuralRecogniser, type NeuralRecogniser } from '../../edge-agent/neural/neural-recogniser.ts'
import { openModelFolder } from '../../edge-agent/neural/model-folder.ts'
import { tailSamples } from '../../edge-agent/neural/stream-engine.ts'
import { dataFolder } from '../support/data-folder.ts'
import { glides, importTiny, withTail, writeTiny } from '../support/model-folders.ts'
import { sherpaAbsent, sherpaHears, sherpaModel } from '../support/sherpa.ts'
import { sizedNemo } from '../support/sized-model.ts'
import type { BenchReport, BenchRow } from './report.ts'

const RATE_HZ = 16_000
const SECONDS = 20
const STEP_S = 0.16
const AT_ONCE = [1, 4, 16, 32]
/** Of audio in all, so that few streams are measured no shorter than many. */
const STREAM_SECONDS = 1_280

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const absent = sherpaAbsent()
  if (absent !== null) throw new Error(absent)
  const folder = await dataFolder('bench-peer')
  try {
    const files = writeTiny(join(folder.path, 'model'), sizedNemo())
    const { dir } = await importTiny(join(folder.path, 'imported'), files, { name: 'sized' })
    const tail = tailSamples(openModelFolder(dir).contract)
    const rows: BenchRow[] = []
    const recogniser = await openNeuralRecogniser({ modelDir: dir })
    try {
      for (const streams of AT_ONCE) {
        progress(`${streams} streams`)
        const audio = Array.from({ length: streams }, (_, seed) => glides(seed, SECONDS, RATE_HZ))
        const rounds = STREAM_SECONDS / (streams * SECONDS)
        const ours = await heard(recogniser, audio, rounds)
        const theirs = await sherpaHears({
          folder: folder.path,
          model: sherpaModel('nemo-ctc', dir),
          tokens: join(dir, 'tokens.txt'),
          sampleRate: RATE_HZ,
          streams: audio.map((samples) => withTail(samples, tail)),
          rounds,
          stepS: STEP_S,
        })
        const same = theirs.results.every(({ text }, at) => text.trim() === ours.texts[at])
        if (!same) throw new Error(`${streams} streams: the two heard different symbols`)
        const spokenUs = STREAM_SECONDS * 1e6
        rows.push(...rowsOf(streams, spokenUs / ours.processorUs, spokenUs / theirs.processorUs))
      }
    } finally {
      await recogniser.close()
    }
    return { bench: 'speech-peer', rows }
  } finally {
    await folder.remove()
  }
}

function rowsOf(streams: number, ours: number, theirs: number): readonly BenchRow[] {
  return [
    { name: `streams a core, ${streams} at once`, value: ours, unit: 'streams', baseline: theirs },
    {
      name: `streams a core / sherpa-onnx-node, ${streams} at once`,
      value: ours / theirs,
      unit: 'ratio',
      baseline: theirs,
      goal: { op: '>=', value: 1 },
    },
  ]
}

async function heard(
  recogniser: NeuralRecogniser,
  audio: readonly Float32Array[],
  rounds: number,
): Promise<{ readonly texts: readonly string[]; readonly processorUs: number }> {
  let texts = await round(recogniser, audio)
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i += 1) texts = await round(recogniser, audio)
  const { user, system } = process.cpuUsage(before)
  return { texts, processorUs: user + system }
}

async function round(
  recogniser: NeuralRecogniser,
  audio: readonly Float32Array[],
): Promise<readonly string[]> {
  const streams = audio.map(() => recogniser.open({ sampleRate: RATE_HZ }))
  const step = Math.round(STEP_S * RATE_HZ)
  for (let at = 0; at < SECONDS * RATE_HZ; at += step)
    await Promise.all(
      streams.map(async (stream, i) => await stream.push((audio[i] ?? NONE).subarray(at, at + step))),
    )
  const results = await Promise.all(streams.map(async (stream) => await stream.finish()))
  return results.map(({ tokens }) =>
    tokens
      .map(({ symbol }) => symbol)
      .join('')
      .trim(),
  )
}

const NONE = new Float32Array(0)
