/**
 * Open dictation: everyday sentences read by a synthetic voice that no training uses, and, of a manifest of people, the commands that
 * its domain understands rightly, whose words are then known (`--manifest`, `--domain`). Debian's pocketsphinx with its whole model of
 * English hears the same in the same run. Then notes to the field-service domain, with and without dictation. A guard with no goal.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DomainUnderTest, openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { evaluate, type EvaluationReport } from '../../edge-agent/evaluation/evaluate.ts'
import { type Entry, readManifest } from '../../edge-agent/evaluation/manifest.ts'
import type { Outcome } from '../../edge-agent/evaluation/outcome.ts'
import { recordingOf } from '../../edge-agent/evaluation/recording.ts'
import { wordErrors } from '../../edge-agent/evaluation/word-errors.ts'
import { wordsOf } from '../../edge-agent/intent/normalise.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { wav } from '../support/sounds.ts'
import { isInstalled, speak, SYNTHESIS_REMEDY } from '../support/synthesis.ts'
import { notedRows } from './noted.ts'
import { hearByPocketsphinx, pocketsphinxIsThere } from './pocketsphinx.ts'
import { READ_SENTENCES, UNSEEN_SENTENCES } from './read-sentences.ts'
import type { BenchOptions, BenchReport, BenchRow } from './report.ts'

const VOICE = { program: 'flite', name: 'slt' } as const
const SETS = [
  { name: 'by which what ships was chosen', sentences: READ_SENTENCES },
  { name: 'written afterwards', sentences: UNSEEN_SENTENCES },
] as const

type Progress = (line: string) => void

export async function run(progress: Progress, options: BenchOptions): Promise<BenchReport> {
  if (!pocketsphinxIsThere())
    progress('pocketsphinx is not there to be heard beside: apt-get install pocketsphinx')
  return {
    bench: 'speech-dictation',
    rows: [
      ...(await readRows(progress)),
      ...(await noteRows(progress)),
      ...(await peopleRows(options, progress)),
    ],
  }
}

async function readRows(progress: Progress): Promise<readonly BenchRow[]> {
  if (!isInstalled(VOICE.program)) {
    progress(`sentences are left out: ${VOICE.program} is missing; ${SYNTHESIS_REMEDY}`)
    return []
  }
  const rows: BenchRow[] = []
  for (const { name, sentences } of SETS) {
    progress(`${sentences.length} sentences ${name}`)
    const folder = mkdtempSync(join(tmpdir(), 'starling-dictation-'))
    try {
      rows.push(...(await rowsOf(`sentences ${name}`, read(folder, sentences))))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return rows
}

async function noteRows(progress: Progress): Promise<readonly BenchRow[]> {
  if (!isInstalled(VOICE.program)) return []
  progress('notes to the field-service domain, as they are spoken')
  return await notedRows(VOICE)
}

async function peopleRows(
  { manifest, domain, limit }: BenchOptions,
  progress: Progress,
): Promise<readonly BenchRow[]> {
  if (manifest === undefined || domain === undefined || !existsSync(manifest)) {
    progress('people are left out: they need --manifest and --domain, recordings with their intents')
    return []
  }
  const most = limit === undefined ? undefined : Number(limit)
  const { entries } = readManifest(manifest)
  const commands = entries.filter(({ intent }) => typeof intent === 'string').slice(0, most)
  const known: Entry[] = []
  await hear(commands, openDomainUnderTest(domain), ({ entry, played, right }) => {
    if (right) known.push({ ...entry, text: played.hypothesis.text })
  })
  progress(`${known.length} of ${commands.length} commands have words that are known`)
  return known.length === 0 ? [] : await rowsOf('commands of people', known)
}

async function rowsOf(name: string, entries: readonly Entry[]): Promise<readonly BenchRow[]> {
  const { overall, cost } = await hear(entries, null)
  const baseline = pocketsphinxIsThere() ? pocketsphinxWrong(entries) : null
  return [
    {
      name: `words wrong, ${name}`,
      value: percent(overall.words.rate.value ?? Number.NaN),
      unit: '%',
      ...(baseline === null ? {} : { baseline }),
    },
    { name: `processor time, ${name}`, value: cost.realTimeFactor ?? Number.NaN, unit: 'of a processor' },
  ]
}

async function hear(
  entries: readonly Entry[],
  domain: DomainUnderTest | null,
  onOutcome: (outcome: Outcome) => void = () => undefined,
): Promise<EvaluationReport> {
  return await evaluate({
    entries,
    domain,
    noise: null,
    modelDir: fileURLToPath(MODEL_FOLDERS.speech),
    streams: 2,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onOutcome,
  })
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
