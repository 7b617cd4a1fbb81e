/**
 * A guard against regressions, with no goal of its own: synthetic voices that no training uses say commands of the field
 * service domain, clean and in noises that are made here. Good figures here say nothing about people.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { evaluate } from '../../edge-agent/evaluation/evaluate.ts'
import type { Entry } from '../../edge-agent/evaluation/manifest.ts'
import { openNoise } from '../../edge-agent/evaluation/recording.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { NON_SPEECH } from '../support/non-speech.ts'
import { wav } from '../support/sounds.ts'
import { isInstalled, speak, SYNTHESIS_REMEDY, type Voice } from '../support/synthesis.ts'
import type { BenchReport, BenchRow } from './report.ts'

/** Kept out of every recipe by their names. */
export const HELD_OUT_VOICES: readonly Voice[] = [
  { program: 'flite', name: 'rms' },
  { program: 'espeak-ng', name: 'en-gb-scotland+m5', speed: 150 },
  { program: 'espeak-ng', name: 'en-029+f5', speed: 160 },
]
const SENTENCES = [
  'open work order four two seven',
  'close work order nine one three',
  'list open work orders',
  'next step',
  'repeat the step',
  'log a pressure of four point two bar',
  'log a reading of seventy degrees',
  'i need to talk to a person',
  'undo that',
  'cancel',
  'please show me work order eight zero five',
  'previous step please',
] as const
const CONDITIONS = [
  { name: 'clean', noise: null, snrDb: 0 },
  { name: 'pink noise at 12 dB', noise: 'pink noise', snrDb: 12 },
  { name: 'music at 12 dB', noise: 'music', snrDb: 12 },
  { name: 'murmuring at 6 dB', noise: 'babble', snrDb: 6 },
] as const

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const voices = HELD_OUT_VOICES.filter(({ program }) => isInstalled(program))
  if (voices.length < HELD_OUT_VOICES.length)
    progress(`some voices are missing, and what they say is left out; ${SYNTHESIS_REMEDY}`)
  if (voices.length === 0) return { bench: 'speech-accuracy', rows: [] }
  const folder = await mkdtemp(join(tmpdir(), 'starling-accuracy-'))
  try {
    const domain = openDomainUnderTest(fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains)))
    const entries = recordings(folder, voices)
    const unread = entries.filter(({ text }) => domain.understand(text ?? '') === null)
    if (unread.length > 0) throw new Error(`the domain does not read “${unread[0]?.text}”`)
    const rows: BenchRow[] = []
    for (const { name, noise, snrDb } of CONDITIONS) {
      progress(name)
      const path = join(folder, 'noise.wav')
      if (noise !== null) writeFileSync(path, wav(NON_SPEECH[noise](30, 77)))
      const { overall } = await evaluate({
        entries,
        domain,
        noise: noise === null ? null : openNoise(path, { snrDb, seed: 0 }),
        modelDir: fileURLToPath(MODEL_FOLDERS.speech),
        streams: 4,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      })
      const percent = (share: number | null): number => Math.round(1_000 * (share ?? Number.NaN)) / 10
      rows.push(
        { name: `commands right, ${name}`, value: percent(overall.commands.accepted.value), unit: '%' },
        { name: `commands taken wrongly, ${name}`, value: percent(overall.commands.wrong.value), unit: '%' },
        { name: `word error rate, ${name}`, value: percent(overall.words.rate.value), unit: '%' },
      )
    }
    return { bench: 'speech-accuracy', rows }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function recordings(folder: string, voices: readonly Voice[]): Entry[] {
  mkdirSync(folder, { recursive: true })
  return voices.flatMap((voice, v) =>
    SENTENCES.map((text, s) => {
      const { sampleRate, samples } = speak(text, voice)
      const path = join(folder, `${v}-${s}.wav`)
      writeFileSync(path, wav(samples, { rate: sampleRate }))
      return { line: v * SENTENCES.length + s + 1, audio: path, path, text, slots: {}, set: voice.name }
    }),
  )
}
