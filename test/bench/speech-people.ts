/**
 * Recordings of people, with a published benchmark's own grammar as a domain and its own noise; Debian's pocketsphinx hears
 * the same samples in the same run. Speech from outside a domain: each set is played to the other set's domain too.
 */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DomainUnderTest, openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { evaluate } from '../../edge-agent/evaluation/evaluate.ts'
import { type Entry, readManifest } from '../../edge-agent/evaluation/manifest.ts'
import { expectedOf, isSame } from '../../edge-agent/evaluation/outcome.ts'
import { type NoiseSource, openNoise, recordingOf } from '../../edge-agent/evaluation/recording.ts'
import type { Summary } from '../../edge-agent/evaluation/summary.ts'
import { readDomainFile } from '../../edge-agent/grammar/domain-file.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { hearByPocketsphinx, pocketsphinxIsThere } from './pocketsphinx.ts'
import type { BenchOptions, BenchReport, BenchRow } from './report.ts'

const STREAMS = 4
const CONDITIONS = [
  { name: 'clean', snrDb: null, goal: 97 },
  { name: '12 dB', snrDb: 12, goal: 92 },
  { name: '6 dB', snrDb: 6, goal: 85 },
] as const
const DIGITS = fileURLToPath(new URL('test/bench/digits.yaml', packageRoot()))
const FIELD_SERVICE = fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains))

interface People {
  readonly commands: readonly Entry[]
  readonly digits: readonly Entry[]
  readonly domain: string
  readonly noise: string | null
}

export async function run(progress: (line: string) => void, options: BenchOptions): Promise<BenchReport> {
  const people = peopleOf(options, progress)
  if (people === null) return { bench: 'speech-people', rows: [] }
  const rows: BenchRow[] = []
  for (const { name, snrDb, goal } of CONDITIONS) {
    if (snrDb !== null && people.noise === null) {
      progress(`no noise beside the manifest, and no --noise: ${name} is left out`)
      continue
    }
    const noise = snrDb === null || people.noise === null ? null : openNoise(people.noise, { snrDb, seed: 0 })
    rows.push(...(await commandRows(people, { name, noise, goal }, progress)))
  }
  rows.push(...(await digitRows(people, progress)), ...(await outsideRows(people, progress)))
  return { bench: 'speech-people', rows }
}

/** Null, and said, when there are no recordings to play. */
function peopleOf(options: BenchOptions, progress: (line: string) => void): People | null {
  const { manifest, limit } = options
  if (manifest === undefined || !existsSync(manifest)) {
    progress(
      `skipped: ${manifest === undefined ? 'no --manifest is given' : `there is no ${manifest}`}; it names recordings of people`,
    )
    return null
  }
  const { entries } = readManifest(manifest)
  const most = limit === undefined ? undefined : Number(limit)
  const commands = entries.filter(({ intent }) => typeof intent === 'string').slice(0, most)
  const digits = entries.filter(({ set }) => set === 'digits').slice(0, most)
  const domain = options.domain ?? beside(manifest, /\.ya?ml$/)
  if (domain === null) {
    progress('skipped: no --domain is given, and not exactly one .yaml lies beside the manifest')
    return null
  }
  return { commands, digits, domain, noise: options.noise ?? beside(manifest, /noise.*\.(wav|flac)$/) }
}

function beside(manifest: string, pattern: RegExp): string | null {
  const folder = dirname(manifest)
  const [only, second] = readdirSync(folder).filter((name) => pattern.test(name))
  return only === undefined || second !== undefined ? null : join(folder, only)
}

interface Play {
  readonly entries: readonly Entry[]
  readonly domain: DomainUnderTest
  readonly noise: NoiseSource | null
  readonly name: string
}

async function play(o: Play, progress: (line: string) => void): Promise<Summary> {
  const report = await evaluate({
    ...o,
    modelDir: fileURLToPath(MODEL_FOLDERS.speech),
    streams: STREAMS,
    signal: new AbortController().signal,
    onProgress: (done, of) => {
      if (done % 100 === 0 || done === of) progress(`${o.name}: ${done} of ${of}`)
    },
  })
  return report.overall
}

async function commandRows(
  people: People,
  condition: { readonly name: string; readonly noise: NoiseSource | null; readonly goal: number },
  progress: (line: string) => void,
): Promise<BenchRow[]> {
  const { name, noise, goal } = condition
  if (people.commands.length === 0) return []
  const domain = openDomainUnderTest(people.domain)
  const { commands } = await play({ entries: people.commands, domain, noise, name }, progress)
  const baseline = pocketsphinxRight(people.commands, { domain, path: people.domain, noise }, progress)
  const accepted = percent(commands.accepted.value)
  progress(`${name}: 95 % interval ${percent(commands.accepted.low)} to ${percent(commands.accepted.high)} %`)
  return [
    {
      name: `commands right, ${name}`,
      value: accepted,
      unit: '%',
      ...(baseline === null ? {} : { baseline: baseline }),
      goal: { op: '>=', value: goal },
    },
    { name: `commands taken wrongly, ${name}`, value: percent(commands.wrong.value), unit: '%' },
    ...(baseline === null ? [] : [{ name: `pocketsphinx right, ${name}`, value: baseline, unit: '%' }]),
  ]
}

async function digitRows(people: People, progress: (line: string) => void): Promise<BenchRow[]> {
  if (people.digits.length === 0) return []
  const domain = openDomainUnderTest(DIGITS)
  const { commands } = await play({ entries: people.digits, domain, noise: null, name: 'digits' }, progress)
  const right = pocketsphinxRight(people.digits, { domain, path: DIGITS, noise: null }, progress)
  const baseline = right === null ? null : round(100 - right)
  return [
    {
      name: 'digits not right, telephone band',
      value: round(100 - percent(commands.accepted.value)),
      unit: '%',
      ...(baseline === null ? {} : { baseline }),
      goal: { op: '<=', value: 10 },
    },
    { name: 'digits taken wrongly', value: percent(commands.wrong.value), unit: '%' },
    ...(baseline === null ? [] : [{ name: 'pocketsphinx, digits not right', value: baseline, unit: '%' }]),
  ]
}

/** Nobody's command of this domain: the other set's recordings, which it must not take for one. */
async function outsideRows(people: People, progress: (line: string) => void): Promise<BenchRow[]> {
  const plays = [
    { name: 'digits taken for commands', entries: people.digits, path: people.domain },
    { name: 'commands taken for field service', entries: people.commands, path: FIELD_SERVICE },
  ]
  const rows: BenchRow[] = []
  for (const { name, entries, path } of plays) {
    if (entries.length === 0) continue
    const strangers = entries.map((entry) => ({ ...entry, intent: null, slots: {} }))
    const domain = openDomainUnderTest(path)
    const { rejected } = await play({ entries: strangers, domain, noise: null, name }, progress)
    rows.push({
      name,
      value: round(100 - percent(rejected.value)),
      unit: '%',
      goal: { op: '<=', value: 1 },
    })
  }
  return rows
}

/** The share that pocketsphinx understands of the same samples with the same grammar; null where it is not installed. */
function pocketsphinxRight(
  entries: readonly Entry[],
  o: { readonly domain: DomainUnderTest; readonly path: string; readonly noise: NoiseSource | null },
  progress: (line: string) => void,
): number | null {
  if (!pocketsphinxIsThere()) {
    progress('pocketsphinx is not installed (Debian: pocketsphinx, pocketsphinx-en-us): it is left out')
    return null
  }
  const sounds = entries.map((entry, turn) => {
    const clean = recordingOf(entry)
    return o.noise === null ? clean : o.noise.mix(clean, turn)
  })
  const heard = hearByPocketsphinx(sounds, readDomainFile(o.path))
  const right = entries.filter((entry, i) => isRight(entry, heard[i] ?? '', o.domain))
  return percent(right.length / entries.length)
}

function isRight(entry: Entry, text: string, domain: DomainUnderTest): boolean {
  const reading = domain.understand(text)
  const expected = expectedOf(entry, domain)
  return reading !== null && expected !== null && isSame(expected, reading)
}

function percent(share: number | null): number {
  return share === null ? Number.NaN : round(100 * share)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
