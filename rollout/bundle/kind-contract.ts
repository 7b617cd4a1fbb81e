/** What a bundle of each kind has to hold beside what every bundle holds, and when two evaluations of it may be compared. */
import type { BundleKind, BundleManifest, FileRole } from '../../shared/wire/bundle.ts'

export interface KindContract {
  /** Roles of which there is at least one file. */
  readonly holds: readonly FileRole[]
  /**
   * `same`: figures compare on one held-back set. `own`: each version's set is made from its own content by one rule (a domain's held
   * sentences, a schema's try-out), so that figures compare and sets never do.
   */
  readonly heldBackSet: 'same' | 'own'
}

const MODEL: KindContract = { holds: ['model'], heldBackSet: 'same' }
const CONTRACTS: Readonly<Record<BundleKind, KindContract>> = {
  speech: MODEL,
  intent: MODEL,
  /** The domain file, and the intent model that was taught by it. */
  domain: { holds: ['model', 'settings'], heldBackSet: 'own' },
  /** A list of steps and no model: its golden set is the form of the database after them. */
  schema: { holds: ['data'], heldBackSet: 'own' },
}

/** Of a bundle that does not say its kind, that of a model. */
export function kindContract(kind: BundleKind | undefined): KindContract {
  return kind === undefined ? MODEL : CONTRACTS[kind]
}

const INTENT_MODEL = 'intent.onnx'
const DOMAIN = /^domains\/[^/]+\.yaml$/

/** What its kind asks for and it does not hold, in words; null for nothing. */
export function kindFault({ kind, files }: BundleManifest): string | null {
  const missing = kindContract(kind).holds.find((role) => !files.some((file) => file.role === role))
  if (missing !== undefined) return `a bundle of kind ${kind ?? 'model'} holds a file of role ${missing}`
  if (!files.some(({ path }) => path === INTENT_MODEL)) return null
  // A device could not open it without: it would be parked there, by every device.
  const domains = files.filter(({ path }) => DOMAIN.test(path)).length
  return domains === 1
    ? null
    : `${INTENT_MODEL} comes with the one domain that it was taught, domains/NAME.yaml; this bundle holds ${domains}`
}
