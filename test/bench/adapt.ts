/**
 * What a site gains from its confirmed commands: half of its recordings are learnt from, and the base and the candidate hear the other
 * half, both ways round. Two kinds of site: a kitchen in whose noise many people speak a few times each, and people who speak alone,
 * each a site. What a site never said must not be understood worse. A candidate that `adapt` itself calls unfit counts like any other.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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
    const spoken = openDomainUnderTest(DIGITS)
    const kitchen = {
      entries: noise === undefined ? commands : inNoise(commands, { noise, dir }),
      domain: openDomainUnderTest(path),
      never: digits,
      neverOf: spoken,
    }
    const alone = speakersOf(digits).map((speaker) => ({
      entries: digits.filter((entry) => speakerOf(entry) === speaker),
      domain: spoken,
      never: digits.filter((entry) => speakerOf(entry) !== speaker),
      neverOf: spoken,
    }))
    const folds = async (sites: readonly Site[]): Promise<readonly Fold[]> => {
      const judged: Fold[] = []
      for (const site of sites)
        for (const half of [0, 1]) judged.push(await learnAndJudge(site, half, { dir, progress }))
      return judged
    }
    const condition = noise === undefined ? 'many speakers' : `many speakers at ${SNR_DB} dB`
    return {
      bench: 'adapt',
      rows: [
        ...rowsOf(await folds(alone), 'one speaker a site'),
        ...rowsOf(await folds([kitchen]), condition),
      ],
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Site {
  readonly entries: readonly Entry[]
  readonly domain: DomainUnderTest
  /** What it never said, and in which domain. */
  readonly never: readonly Entry[]
  readonly neverOf: DomainUnderTest
}

/** Recordings of digits are named DIGIT_SPEAKER_NUMBER. */
function speakerOf({ audio }: Entry): string {
  return basename(audio).split('_')[1] ?? ''
}

function speakersOf(entries: readonly Entry[]): readonly string[] {
  return [...new Set(entries.map(speakerOf))].filter((speaker) => speaker !== '')
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
  /** Whether `adapt` itself would have let it out. */
  readonly fit: boolean
  readonly base: Rate
  readonly candidate: Rate
  readonly neverBase: Rate
  readonly neverCandidate: Rate
}

async function learnAndJudge(
  site: Site,
  half: number,
  o: { readonly dir: string; readonly progress: Progress },
): Promise<Fold> {
  const { progress } = o
  const out = join(o.dir, 'candidate')
  const later = site.entries.filter((_, index) => index % 2 !== half)
  const { learnt, fit } = await adaptToSite({
    entries: site.entries.filter((_, index) => index % 2 === half),
    domain: site.domain,
    guard: null,
    modelDir: BASE,
    out,
    version: '1.0.1',
    nowIso: new Date().toISOString(),
    signal,
    onProgress: progress,
  })
  return {
    learnt: learnt.recordings,
    fit,
    base: await right(later, site.domain, { modelDir: BASE, progress }),
    candidate: await right(later, site.domain, { modelDir: out, progress }),
    neverBase: await right(site.never, site.neverOf, { modelDir: BASE, progress }),
    neverCandidate: await right(site.never, site.neverOf, { modelDir: out, progress }),
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

function rowsOf(folds: readonly Fold[], site: string): BenchReport['rows'] {
  const wrong = (pick: (fold: Fold) => Rate): number =>
    folds.reduce((sum, fold) => sum + pick(fold).of - pick(fold).count, 0)
  const all = (pick: (fold: Fold) => Rate): number => folds.reduce((sum, fold) => sum + pick(fold).of, 0)
  const percent = (value: number): number => Math.round(1_000 * value) / 10
  const [later, never] = [all(({ base }) => base), all(({ neverBase }) => neverBase)]
  const [before, after] = [wrong(({ base }) => base), wrong(({ candidate }) => candidate)]
  const neverBefore = percent(wrong(({ neverBase }) => neverBase) / never)
  return [
    {
      name: `confirmed commands learnt from, ${site}`,
      value: Math.min(...folds.map(({ learnt }) => learnt)),
      unit: 'recordings',
    },
    {
      name: `candidates that would be let out, ${site}`,
      value: folds.filter(({ fit }) => fit).length,
      unit: `of ${folds.length}`,
    },
    {
      name: `later commands not right, ${site}`,
      value: percent(after / later),
      unit: '%',
      baseline: percent(before / later),
    },
    {
      name: `errors on later commands cut, ${site}`,
      value: percent(1 - after / before),
      unit: '%',
      goal: { op: '>=', value: 40 },
    },
    {
      name: `digits not right that were never learnt from, ${site}`,
      value: percent(wrong(({ neverCandidate }) => neverCandidate) / never),
      unit: '%',
      baseline: neverBefore,
      goal: { op: '<=', value: neverBefore },
    },
  ]
}
