/** `starling speech consent | recordings | adapt`: what speakers agreed to keep, and a candidate model made from it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  adaptToSite,
  type AdaptationReport,
  type Compared,
  type TestSet,
} from '../../adaptation/adaptation.ts'
import { nextVersion, readCard } from '../../adaptation/candidate.ts'
import type { Consent } from '../../adaptation/consent.ts'
import { deviceRecordings } from '../../adaptation/device-recordings.ts'
import { entriesOf, type Kept } from '../../adaptation/recordings.ts'
import { sentencesUnderTest } from '../../adaptation/sentences-under-test.ts'
import { openDomainUnderTest } from '../../evaluation/domain-under-test.ts'
import { readManifest, type Entry } from '../../evaluation/manifest.ts'
import { readIdentity } from '../../identity/identity.ts'
import { MODEL_FOLDERS } from '../../models/shipped.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { withAgent } from '../with-agent.ts'

type Standing = {
  readonly consent: Consent
  readonly recordings: readonly Kept[]
  /** Turns whose sound is gone, or is not what was kept. */
  readonly damaged: readonly string[]
}

export async function speechConsent(call: Call, word: string | undefined): Promise<ExitCode> {
  return await withAgent(call, async (agent) => {
    const answer =
      word === undefined
        ? await agent.get('/v1/speech')
        : await agent.post('/v1/speech/consent', { given: word === 'give' })
    const { consent, recordings } = answer as unknown as Standing
    call.output.answer({ consent, recordings: recordings.length }, [
      consent.given
        ? `${consent.by ?? 'Somebody'} agreed at ${consent.at ?? '?'}: confirmed commands are kept on this device.`
        : 'Nothing is kept: nobody has agreed to it.',
      `${recordings.length} recordings are kept.`,
    ])
    return EXIT.ok
  })
}

export async function speechRecordings(
  call: Call,
  { forget }: { readonly forget: boolean },
): Promise<ExitCode> {
  return await withAgent(call, async (agent) => {
    if (forget) {
      const { forgotten } = (await agent.post('/v1/speech/forget', {})) as { forgotten: number }
      call.output.answer({ forgotten }, [`${forgotten} recordings are gone.`])
      return EXIT.ok
    }
    const { recordings, damaged } = (await agent.get('/v1/speech')) as unknown as Standing
    call.output.answer(
      { recordings: recordings as never, damaged: [...damaged] },
      recordings.length === 0
        ? ['No recordings are kept.']
        : recordings.map(
            ({ turn, at, seconds, text }) =>
              `${at}  ${seconds.toFixed(1)} s  ${text}${damaged.includes(turn) ? '  DAMAGED' : ''}`,
          ),
    )
    return damaged.length === 0 ? EXIT.ok : EXIT.refused
  })
}

export interface SpeechAdaptOptions {
  readonly manifest?: string
  readonly domain?: string
  readonly guard?: string
  readonly guardDomain?: string
  readonly model?: string
  readonly out?: string
  readonly modelVersion?: string
}

/** Exit code `refused` when the candidate is worse than its base anywhere. */
export async function speechAdapt(call: Call, options: SpeechAdaptOptions): Promise<ExitCode> {
  const modelDir = options.model ?? fileURLToPath(MODEL_FOLDERS.speech)
  const version = options.modelVersion ?? nextVersion(readCard(modelDir).version)
  const entries =
    options.manifest === undefined ? await ownEntries(call) : readManifest(options.manifest).entries
  const report = await adaptToSite({
    entries,
    domain: options.domain === undefined ? null : openDomainUnderTest(options.domain),
    guard: guardOf(options),
    modelDir,
    out: options.out ?? join(call.home.edge, 'candidates', `speech-${version}`),
    version,
    nowIso: new Date().toISOString(),
    signal: call.signal,
    onProgress: (line) => call.output.progress(line),
  })
  call.output.answer(report, linesOf(report, modelDir))
  return report.fit ? EXIT.ok : EXIT.refused
}

/** What was kept on this device. */
async function ownEntries(call: Call): Promise<readonly Entry[]> {
  const recordings = deviceRecordings(call.home.edge, readIdentity(call.home.edge).keyPair)
  return entriesOf(recordings, await recordings.list())
}

/** The guard set: what must not get worse anywhere; the recordings that Starling itself comes with unless another is given. */
function guardOf({ guard, guardDomain }: SpeechAdaptOptions): TestSet | null {
  const manifest = guard ?? fileURLToPath(MODEL_FOLDERS.guard)
  if (!existsSync(manifest) && guard === undefined) return null
  const { entries } = readManifest(manifest)
  const texts = entries.flatMap(({ text }) => (text === null ? [] : [text]))
  return {
    entries,
    domain: guardDomain === undefined ? sentencesUnderTest(texts) : openDomainUnderTest(guardDomain),
  }
}

function linesOf(report: AdaptationReport, modelDir: string): readonly string[] {
  const { learnt, candidate, heldBack, guard, reasons } = report
  const after = learnt.logLikelihoodAfter.toFixed(2)
  return [
    `learnt      from ${learnt.recordings} recordings, ${Math.round(learnt.seconds)} s; ${learnt.leftOut} were left out`,
    `fits        ${learnt.logLikelihoodBefore.toFixed(2)} -> ${after} nats a frame`,
    `held back   ${comparison(heldBack)}`,
    ...(guard === null ? [] : [`guard       ${comparison(guard)}`]),
    ...(report.fit
      ? [
          `candidate   ${candidate.dir} (version ${candidate.version})`,
          `next        starling bundle publish ${candidate.dir} --name speech --held, then starling bundle choose for one device`,
          `undo        starling bundle publish ${modelDir} --name speech --held --as-version ${nextVersion(candidate.version)}, then choose that`,
        ]
      : [`refused     ${reasons.join('; ')}`]),
  ]
}

function comparison({ recordings, base, candidate }: Compared): string {
  return `${base.count} -> ${candidate.count} of ${recordings} understood`
}
