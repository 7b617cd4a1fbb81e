/** What is known of an adapted candidate and stands in none of its bytes: its base, whose recordings, and how both did. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readReleaseFacts } from '../../rollout/bundle/release-facts.ts'
import { RELEASE_FILE } from '../../rollout/bundle/unsigned-files.ts'
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import { DEVICE_METRICS } from '../../shared/wire/metric-contract.ts'
import type { Entry } from '../evaluation/manifest.ts'
import type { Rate } from '../evaluation/statistics.ts'

/** One set on which base and candidate were heard. */
export interface JudgedSet {
  readonly metric: 'site_commands' | 'guard_commands'
  readonly base: Rate
  readonly candidate: Rate
}

export interface CandidateMade {
  readonly baseDir: string
  readonly base: { readonly version: string; readonly digest: string; readonly licence: string }
  readonly learnt: readonly Entry[]
  readonly heldBack: readonly Entry[]
  readonly judged: readonly JudgedSet[]
}

/** Recordings stay at their site: nobody else has a licence to them. */
const SITE_LICENCE = 'LicenseRef-recordings-of-the-site'
const CONSENT = 'Each recording was kept with its speaker’s consent and is not part of this bundle.'

export function candidateFacts(made: CandidateMade): JsonObject {
  const { base, learnt, heldBack, judged } = made
  return {
    v: 1,
    minimalRuntime: '0.1.0',
    task: 'speech recognition',
    provenance: {
      recipe: 'starling speech adapt',
      builder: 'urn:starling:speech-adapt',
      parameters: { baseVersion: base.version, recordings: learnt.length },
      datasets: [
        {
          name: `the base model, version ${base.version}`,
          use: 'base',
          sha256: base.digest,
          digestOf: 'its files, as the device names a speech model in its records',
          licence: base.licence,
          consent: {
            state: 'unknown',
            note: 'See the provenance of that version, and of what it is made of.',
          },
        },
        ...earlier(made.baseDir),
        {
          name: `${learnt.length} confirmed commands of one site`,
          use: 'training',
          sha256: digestOfSet(learnt),
          digestOf: 'the digests of the recordings, in their order',
          licence: SITE_LICENCE,
          consent: { state: 'given', note: CONSENT },
        },
      ],
      transforms: [{ step: 'Gaussian means moved by maximum a posteriori', tool: 'starling speech adapt' }],
    },
    evaluation: {
      method: 'base and candidate heard the same recordings; a command counts when every slot is right',
      heldBack: {
        name: 'every fifth recording of the site, and the guard set',
        sha256: digestOfSet(heldBack),
        digestOf: 'the digests of the recordings, in their order',
        items: heldBack.length,
        licence: SITE_LICENCE,
      },
      figures: judged.map(({ metric, candidate }) => figure(metric, candidate)),
      incumbent: {
        version: base.version,
        figures: judged.map(({ metric, base: before }) => figure(metric, before)),
      },
    },
    metrics: [
      ...DEVICE_METRICS,
      ...judged.map(({ metric }) => ({
        name: metric,
        unit: 'share',
        direction: 'higher',
        source: 'evaluation',
        threshold: null,
      })),
    ],
  }
}

/** What the base itself was made of, where that is known here. */
function earlier(baseDir: string): readonly JsonObject[] {
  const path = join(baseDir, RELEASE_FILE)
  if (!existsSync(path)) return []
  const { provenance } = readReleaseFacts(JSON.parse(readFileSync(path, 'utf8')))
  return provenance.datasets
}

function digestOfSet(entries: readonly Entry[]): string {
  return digestOf(entries.map(({ path }) => sha256Hex(readFileSync(path))))
}

function figure(name: string, { value, low, high, of }: Rate): JsonObject {
  return { name, value, low, high, of }
}
