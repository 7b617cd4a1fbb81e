/**
 * Site adaptation: from recordings that their speakers confirmed to a candidate model, judged on what was held back and on a guard
 * set before anybody may have it. The base stays as it is.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RELEASE_FILE } from '../../rollout/bundle/unsigned-files.ts'
import type { DomainUnderTest } from '../evaluation/domain-under-test.ts'
import { evaluate } from '../evaluation/evaluate.ts'
import type { Entry } from '../evaluation/manifest.ts'
import { recordingOf } from '../evaluation/recording.ts'
import type { Rate } from '../evaluation/statistics.ts'
import { Channels } from '../speech/channels.ts'
import { LanguageModel } from '../speech/language-model.ts'
import { Lexicon } from '../speech/lexicon.ts'
import { readModel } from '../speech/model-files.ts'
import { adaptModel, type Adapted } from './adapt-model.ts'
import { readCard, writeCandidate } from './candidate.ts'
import { confirmedWords, type Confirmed } from './confirmed-words.ts'
import { NothingToLearn } from './errors.ts'
import { candidateFacts } from './release-facts.ts'
import { sentencesUnderTest } from './sentences-under-test.ts'
import { utteranceOf, type Utterance } from './utterance.ts'

/** Fewer say more about one sentence than about a site. */
export const LEAST_RECORDINGS = 20
/** Every so many-eth recording is held back from learning, to judge by. */
const HELD_BACK_EVERY = 5

export interface TestSet {
  readonly entries: readonly Entry[]
  readonly domain: DomainUnderTest
}

export interface Compared {
  readonly recordings: number
  /** Share understood rightly, by the base and by the candidate. */
  readonly base: Rate
  readonly candidate: Rate
}

export interface AdaptationReport {
  readonly base: { readonly name: string; readonly digest: string }
  readonly candidate: { readonly dir: string; readonly version: string; readonly digest: string }
  readonly learnt: {
    readonly recordings: number
    readonly leftOut: number
    readonly seconds: number
    readonly logLikelihoodBefore: number
    readonly logLikelihoodAfter: number
  }
  readonly heldBack: Compared
  readonly guard: Compared | null
  /** The candidate is worse on neither set. */
  readonly fit: boolean
  readonly reasons: readonly string[]
}

export interface AdaptationOptions {
  readonly entries: readonly Entry[]
  /** What the recordings mean; without it each must come with its words. */
  readonly domain: DomainUnderTest | null
  readonly guard: TestSet | null
  readonly modelDir: string
  readonly out: string
  readonly version: string
  readonly nowIso: string
  readonly signal: AbortSignal
  onProgress(line: string): void
}

/** Throws {@link NothingToLearn}, and what reading recordings and models throws. */
export async function adaptToSite(o: AdaptationOptions): Promise<AdaptationReport> {
  const domain =
    o.domain ?? sentencesUnderTest(o.entries.flatMap(({ text }) => (text === null ? [] : [text])))
  const { learning, heldBack } = split(o.entries)
  const confirmed = await confirmedWords({
    entries: learning,
    domain,
    modelDir: o.modelDir,
    signal: o.signal,
    onProgress: (done, of) => o.onProgress(`heard ${done} of ${of} recordings`),
  })
  if (confirmed.length < LEAST_RECORDINGS)
    throw new NothingToLearn(
      `${confirmed.length} recordings with confirmed words are too few, ${LEAST_RECORDINGS} are needed`,
      { remedy: 'Let speakers confirm more commands, or give a manifest with their words.' },
    )
  const adapted = await learn(o, confirmed)
  const base = readModel(o.modelDir)
  writeCandidate({
    baseDir: o.modelDir,
    out: o.out,
    acoustic: adapted.file,
    version: o.version,
    lineage: {
      method: 'maximum a posteriori adaptation of Gaussian means',
      base: { name: base.name, version: readCard(o.modelDir).version, digest: base.digest },
      recordings: adapted.utterances - adapted.unaligned,
      seconds: adapted.frames / 100,
      at: o.nowIso,
      consent: 'each recording was kept with its speaker’s consent and is not part of this bundle',
    },
  })
  const report = await judge(o, {
    adapted,
    confirmed,
    learning,
    heldBack: { entries: heldBack, domain },
    base,
  })
  if (report.fit) writeFacts(o, { report, learning, heldBack })
  return report
}

/** A candidate that is fit can be published: what is known of it lies beside it. */
function writeFacts(
  o: AdaptationOptions,
  made: {
    readonly report: AdaptationReport
    readonly learning: readonly Entry[]
    readonly heldBack: readonly Entry[]
  },
): void {
  const { report, learning, heldBack } = made
  const { version, licence } = readCard(o.modelDir)
  const facts = candidateFacts({
    baseDir: o.modelDir,
    base: { version, digest: report.base.digest, licence },
    learnt: learning,
    heldBack: [...heldBack, ...(o.guard?.entries ?? [])],
    judged: [
      { metric: 'site_commands', ...report.heldBack },
      ...(report.guard === null ? [] : [{ metric: 'guard_commands' as const, ...report.guard }]),
    ],
  })
  writeFileSync(join(o.out, RELEASE_FILE), `${JSON.stringify(facts, null, 1)}\n`)
}

function split(entries: readonly Entry[]): { readonly learning: Entry[]; readonly heldBack: Entry[] } {
  const isHeldBack = (index: number): boolean => index % HELD_BACK_EVERY === HELD_BACK_EVERY - 1
  return {
    learning: entries.filter((_, index) => !isHeldBack(index)),
    heldBack: entries.filter((_, index) => isHeldBack(index)),
  }
}

async function learn(o: AdaptationOptions, confirmed: readonly Confirmed[]): Promise<Adapted> {
  const files = readModel(o.modelDir)
  const { phones, language, mixture } = files
  const sounds = {
    model: phones,
    lexicon: new Lexicon(files, phones.phones),
    language: new LanguageModel(language),
    channels: new Channels(mixture),
  }
  const utterances: Utterance[] = []
  for (const { entry, words } of confirmed) {
    o.signal.throwIfAborted()
    const utterance = await utteranceOf(sounds, words, recordingOf(entry))
    if (utterance !== null) utterances.push(utterance)
  }
  return await adaptModel({
    file: readFileSync(join(o.modelDir, 'acoustic.onnx')),
    phones,
    utterances,
    signal: o.signal,
    onProgress: (done, of) => {
      if (done % 50 === 0 || done === of) o.onProgress(`learnt from ${done} of ${of} passes over recordings`)
    },
  })
}

async function judge(
  o: AdaptationOptions,
  of: {
    readonly adapted: Adapted
    readonly confirmed: readonly Confirmed[]
    readonly learning: readonly Entry[]
    readonly heldBack: TestSet
    readonly base: { readonly name: string; readonly digest: string }
  },
): Promise<AdaptationReport> {
  const heldBack = await compare(o, of.heldBack, 'held back')
  const guard = o.guard === null ? null : await compare(o, o.guard, 'guard')
  const reasons = [
    ...worse('on what was held back', heldBack),
    ...(guard === null ? [] : worse('on the guard set', guard)),
  ]
  const { adapted, base } = of
  return {
    base: { name: base.name, digest: base.digest },
    candidate: { dir: o.out, version: o.version, digest: readModel(o.out).digest },
    learnt: {
      recordings: adapted.utterances - adapted.unaligned,
      leftOut: of.learning.length - (adapted.utterances - adapted.unaligned),
      seconds: adapted.frames / 100,
      logLikelihoodBefore: adapted.before,
      logLikelihoodAfter: adapted.after,
    },
    heldBack,
    guard,
    fit: reasons.length === 0,
    reasons,
  }
}

async function compare(o: AdaptationOptions, set: TestSet, name: string): Promise<Compared> {
  const rightOf = async (modelDir: string, who: string): Promise<Rate> => {
    const { overall } = await evaluate({
      ...set,
      modelDir,
      noise: null,
      streams: 1,
      signal: o.signal,
      onProgress: (done, of) => o.onProgress(`${name}: ${who} heard ${done} of ${of} recordings`),
    })
    return overall.commands.accepted
  }
  return {
    recordings: set.entries.length,
    base: await rightOf(o.modelDir, 'the base'),
    candidate: await rightOf(o.out, 'the candidate'),
  }
}

/** A figure that cannot be computed counts as worse: the gate fails closed. */
function worse(where: string, { base, candidate }: Compared): string[] {
  if (base.value === null || candidate.value === null) return [`nothing could be judged ${where}`]
  if (candidate.value >= base.value) return []
  return [`${candidate.count} instead of ${base.count} of ${base.of} recordings are understood ${where}`]
}
