/**
 * Everyday sentences read by a synthetic voice that no training uses, in open dictation; Debian's pocketsphinx with its whole model of
 * English hears the same in the same run. A guard with no goal: good figures here say little about people.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evaluate } from '../../edge-agent/evaluation/evaluate.ts'
import { type Entry, readManifest } from '../../edge-agent/evaluation/manifest.ts'
import { recordingOf } from '../../edge-agent/evaluation/recording.ts'
import { wordErrors } from '../../edge-agent/evaluation/word-errors.ts'
import { wordsOf } from '../../edge-agent/intent/normalise.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { wav } from '../support/sounds.ts'
import { isInstalled, speak, SYNTHESIS_REMEDY } from '../support/synthesis.ts'
import { hearByPocketsphinx, pocketsphinxIsThere } from './pocketsphinx.ts'
import { READ_SENTENCES, UNSEEN_SENTENCES } from './read-sentences.ts'
import type { BenchReport, BenchRow } from './report.ts'

const VOICE = { program: 'flite', name: 'slt' } as const
const SETS = [
  { name: 'by which what ships was chosen', sentences: READ_SENTENCES },
  { name: 'written afterwards', sentences: UNSEEN_SENTENCES },
] as const

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  if (!isInstalled(VOICE.program)) {
    progress(`skipped: ${VOICE.program} is missing; ${SYNTHESIS_REMEDY}`)
    return { bench: 'speech-dictation', rows: [] }
  }
  if (!pocketsphinxIsThere())
    progress('pocketsphinx is not there to be heard beside: apt-get install pocketsphinx')
  const rows: BenchRow[] = []
  for (const { name, sentences } of SETS) {
    progress(`${sentences.length} sentences ${name}`)
    rows.push(...(await rowsOf(name, sentences)))
  }
  return { bench: 'speech-dictation', rows }
}

async function rowsOf(name: string, sentences: readonly string[]): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-dictation-'))
  try {
    const entries = read(folder, sentences)
    const { overall, cost } = await evaluate({
      entries,
      domain: null,
      noise: null,
      modelDir: fileURLToPath(MODEL_FOLDERS.speech),
      streams: 2,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    const baseline = pocketsphinxIsThere() ? pocketsphinxWrong(entries) : null
    return [
      {
        name: `words wrong, sentences ${name}`,
        value: percent(overall.words.rate.value ?? Number.NaN),
        unit: '%',
        ...(baseline === null ? {} : { baseline }),
      },
      {
        name: `processor time, sentences ${name}`,
        value: cost.realTimeFactor ?? Number.NaN,
        unit: 'of a processor',
      },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The sentences as recordings with their texts. */
function read(folder: string, sentences: readonly string[]): readonly Entry[] {
  const lines = sentences.map((sentence, at) => {
    const { sampleRate, samples } = speak(sentence, VOICE)
    const audio = `${at}.wav`
    writeFileSync(join(folder, audio), wav(samples, { rate: sampleRate }))
    return JSON.stringify({ audio, text: wordsOf(sentence).join(' ') })
  })
  const manifest = join(folder, 'manifest.jsonl')
  writeFileSync(manifest, `${lines.join('\n')}\n`)
  return readManifest(manifest).entries
}

function pocketsphinxWrong(entries: readonly Entry[]): number {
  const heard = hearByPocketsphinx(entries.map(recordingOf), null)
  let [wrong, said] = [0, 0]
  for (const [at, { text }] of entries.entries()) {
    const words = wordsOf(text ?? '')
    const { insertions, deletions, substitutions } = wordErrors(words, wordsOf(heard[at] ?? ''))
    wrong += insertions + deletions + substitutions
    said += words.length
  }
  return percent(wrong / said)
}

function percent(share: number): number {
  return Math.round(1_000 * share) / 10
}
