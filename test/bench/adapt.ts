/**
 * What a site gains from its confirmed commands: half of a manifest's commands, in the site's noise, are learnt from, and the base and
 * the candidate hear the other half, both ways round. What the site never said (the digits) must not be understood worse.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adaptToSite } from '../../edge-agent/adaptation/adaptation.ts'
import { type DomainUnderTest, openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { evaluate } from '../../edge-agent/evaluation/evaluate.ts'
import { type Entry, readManifest } from '../../edge-agent/evaluation/manifest.ts'
import { openNoise, recordingOf } from '../../edge-agent/evaluation/recording.ts'
import type { Rate } from '../../edge-agent/evaluation/statistics.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { writeWav } from '../../edge-agent/speech/wav-writer.ts'
import { packageRoot } from '../../shared/package-root.ts'
import type { BenchOptions, BenchReport } from './report.ts'

const DIGITS = fileURLToPath(new URL('test/bench/digits.yaml', packageRoot()))
const BASE = fileURLToPath(MODEL_FOLDERS.speech)
const SNR_DB = 6
const signal = new AbortController().signal

type Progress = (line: string) => void

export async function run(progress: Progress, options: BenchOptions): Promise<BenchReport> {
  const { manifest, domain: path, noise } = options
  if (manifest === undefined || path === undefined || !existsSync(manifest)) {
    progress(
      'skipped: it needs --manifest and --domain, recordings of people with their intents, and may take --noise',
    )
    return { bench: 'adapt', rows: [] }
  }
  const most = options.limit === undefined ? undefined : Number(options.limit)
  const { entries } = readManifest(manifest)
  const commands = entries.filter(({ intent }) => typeof intent === 'string').slice(0, most)
  const digits = entries.filter(({ set }) => set === 'digits').slice(0, most)
  const dir = mkdtempSync(join(tmpdir(), 'starling-bench-adapt-'))
  try {
    const site = noise === undefined ? commands : inNoise(commands, { noise, dir })
    const domain = openDomainUnderTest(path)
    const halves = [0, 1].map((half) => site.filter((_, index) => index % 2 === half))
    const folds = [
      await learnAndJudge(
        { learn: halves[0] ?? [], later: halves[1] ?? [], digits, domain, out: join(dir, 'a') },
        progress,
      ),
      await learnAndJudge(
        { learn: halves[1] ?? [], later: halves[0] ?? [], digits, domain, out: join(dir, 'b') },
        progress,
      ),
    ]
    return { bench: 'adapt', rows: rowsOf(folds, noise === undefined ? 'clean' : `${SNR_DB} dB`) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The site's recordings as files of their own, each with its stretch of the noise. */
function inNoise(
  entries: readonly Entry[],
  o: { readonly noise: string; readonly dir: string },
): readonly Entry[] {
  const source = openNoise(o.noise, { snrDb: SNR_DB, seed: 0 })
  return entries.map((entry, turn) => {
    const { samples, sampleRate } = source.mix(recordingOf(entry), turn)
    const path = join(o.dir, `${turn}.wav`)
    writeFileSync(path, writeWav(samples, sampleRate))
    const { channel: _, ...rest } = entry
    return { ...rest, path }
  })
}

interface Fold {
  readonly learnt: number
  readonly base: Rate
  readonly candidate: Rate
  readonly digitsBase: Rate
  readonly digitsCandidate: Rate
}

async function learnAndJudge(
  o: {
    readonly learn: readonly Entry[]
    readonly later: readonly Entry[]
    readonly digits: readonly Entry[]
    readonly domain: DomainUnderTest
    readonly out: string
  },
  progress: Progress,
): Promise<Fold> {
  const { learnt } = await adaptToSite({
    entries: o.learn,
    domain: o.domain,
    guard: null,
    modelDir: BASE,
    out: o.out,
    version: '1.0.1',
    nowIso: new Date().toISOString(),
    signal,
    onProgress: progress,
  })
  const digits = openDomainUnderTest(DIGITS)
  return {
    learnt: learnt.recordings,
    base: await right(o.later, o.domain, { modelDir: BASE, progress }),
    candidate: await right(o.later, o.domain, { modelDir: o.out, progress }),
    digitsBase: await right(o.digits, digits, { modelDir: BASE, progress }),
    digitsCandidate: await right(o.digits, digits, { modelDir: o.out, progress }),
  }
}

async function right(
  entries: readonly Entry[],
  domain: DomainUnderTest,
  o: { readonly modelDir: string; readonly progress: Progress },
): Promise<Rate> {
  const { overall } = await evaluate({
    entries,
    domain,
    modelDir: o.modelDir,
    noise: null,
    streams: 4,
    signal,
    onProgress: (done, of) => {
      if (done === of) o.progress(`${domain.name}: heard ${of}`)
    },
  })
  return overall.commands.accepted
}

function rowsOf(folds: readonly Fold[], condition: string): BenchReport['rows'] {
  const wrong = (pick: (fold: Fold) => Rate): number =>
    folds.reduce((sum, fold) => sum + pick(fold).of - pick(fold).count, 0)
  const of = folds.reduce((sum, { base }) => sum + base.of, 0)
  const digits = folds.reduce((sum, { digitsBase }) => sum + digitsBase.of, 0)
  const percent = (value: number): number => Math.round(1_000 * value) / 10
  const [before, after] = [wrong(({ base }) => base), wrong(({ candidate }) => candidate)]
  return [
    {
      name: 'confirmed commands learnt from',
      value: Math.min(...folds.map(({ learnt }) => learnt)),
      unit: 'recordings',
    },
    {
      name: `later commands not right, ${condition}`,
      value: percent(after / of),
      unit: '%',
      baseline: percent(before / of),
    },
    {
      name: `errors on later commands cut, ${condition}`,
      value: percent(1 - after / before),
      unit: '%',
      goal: { op: '>=', value: 40 },
    },
    {
      name: 'digits not right, which the site never said',
      value: percent(wrong(({ digitsCandidate }) => digitsCandidate) / digits),
      unit: '%',
      baseline: percent(wrong(({ digitsBase }) => digitsBase) / digits),
      goal: { op: '<=', value: percent(wrong(({ digitsBase }) => digitsBase) / digits) },
    },
  ]
}
