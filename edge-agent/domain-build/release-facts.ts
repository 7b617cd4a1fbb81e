/** What is known of a built domain and stands in none of its bytes: `release.json`, of which its bundle's statements are made. */
import { readFileSync } from 'node:fs'
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { DEVICE_METRICS, type Metric } from '../../shared/wire/metric-contract.ts'
import { rate } from '../evaluation/statistics.ts'
import { ELSEWHERE } from './elsewhere.ts'
import type { IntentModel } from './intent-model.ts'
import type { Sentences } from './sentences.ts'

/** A domain file names no licence of its own: what is made of it is under whatever it is under. */
export const DOMAIN_LICENCE = 'LicenseRef-as-domain-file'
/** Under it a domain's sentences do not tell its wishes apart. */
const LEAST_ACCURACY = 0.6

export interface DomainMade {
  readonly name: string
  readonly source: Uint8Array
  readonly sentences: Sentences
  readonly figures: IntentModel['figures']
  readonly seed: number
}

export function domainFacts({ name, source, sentences, figures, seed }: DomainMade): JsonObject {
  const measured = [
    { metric: 'intent_accuracy', share: figures.heldOut, of: figures.heldOutSentences },
    { metric: 'foreign_left_alone', share: figures.outOfScopeKeptOut, of: figures.outOfScopeSentences },
  ].filter(({ of }) => of > 0)
  const quality = (metric: string): Metric => ({
    name: metric,
    unit: 'share',
    direction: 'higher',
    source: 'evaluation',
    threshold: metric === 'intent_accuracy' ? LEAST_ACCURACY : null,
  })
  return {
    v: 1,
    minimalRuntime: '0.1.0',
    task: 'intent classification and speech grammar',
    provenance: {
      recipe: `starling domain build ${name}.yaml`,
      builder: 'urn:starling:domain-build',
      parameters: { seed, sentences: sentences.train.length },
      datasets: [
        dataset(`domains/${name}.yaml`, source, DOMAIN_LICENCE),
        dataset(ELSEWHERE, readFileSync(new URL(ELSEWHERE, packageRoot())), 'Apache-2.0'),
      ],
      transforms: [
        { step: 'grammar compiled; words given their sounds', tool: 'starling domain build' },
        { step: 'templates walked, disturbed, names taken out', tool: 'starling domain build' },
        { step: 'intent model trained, calibrated, quantised to 8 bits', tool: 'starling domain build' },
      ],
    },
    evaluation: {
      method: 'the intent model alone on sentences of the domain that were held back from it by seed',
      heldBack: {
        name: `held-back sentences of ${name}`,
        sha256: digestOf(sentences.held as unknown as Json),
        digestOf: 'the list of sentences as canonical JSON',
        items: sentences.held.length,
        licence: DOMAIN_LICENCE,
      },
      figures: measured.map(({ metric, share, of }) => {
        const { value, low, high } = rate(Math.round(share * of), of)
        return { name: metric, value, low, high, of }
      }),
      incumbent: null,
    },
    metrics: [...DEVICE_METRICS, ...measured.map(({ metric }) => quality(metric))],
  }
}

function dataset(name: string, bytes: Uint8Array, licence: string): JsonObject {
  return {
    name,
    use: 'training',
    sha256: sha256Hex(bytes),
    licence,
    consent: { state: 'not-needed', note: 'Templates that its author wrote; no words of users.' },
  }
}
