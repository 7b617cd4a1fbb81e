/**
 * The form of the context's rows, numbered. The centre holds its own form N and serves the one before it too, so that devices and
 * centre are updated one after the other: a step expands first (columns added, old ones kept), and a later one contracts.
 */
import { StarlingError } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { ContextTable } from './tables.ts'

/** What this program reads and writes. */
export const CONTEXT_VERSION = 1

/** Where a shape request says it. */
export const CONTEXT_VERSION_PARAM = 'context_version'

/** What a record or a request that says no version was made by. */
const UNSAID_VERSION = 1

/** One table between two forms. Pure; neither may fail on what the form it takes allows. */
export interface TableStep {
  /** A whole body of the newer form, in the older one. */
  down(body: JsonObject): JsonObject
  /** Columns of the older form that are written together, in the newer one; the values that they had before are read so too. */
  up(columns: JsonObject): JsonObject
}

export interface ContextStep {
  /** The newer form; the older one is the number before it. */
  readonly to: number
  /** Tables that differ; the others are the same in both. */
  readonly tables: Readonly<Partial<Record<ContextTable, TableStep>>>
}

/** What a centre holds, and how that differs from the forms before. Without a step to its version it serves that version alone. */
export interface ContextForm {
  readonly version: number
  readonly steps: readonly ContextStep[]
}

/** A step is added with each new {@link CONTEXT_VERSION}. */
export const OWN_FORM: ContextForm = { version: CONTEXT_VERSION, steps: [] }

/** Neither the centre's form nor the one before it. */
export class ContextVersionRefused extends StarlingError {
  static readonly code = 'context_version_refused'
  override readonly code = ContextVersionRefused.code

  constructor(said: number, form: ContextForm) {
    const oldest = oldestServed(form)
    const served = oldest === form.version ? `version ${oldest}` : `versions ${oldest} and ${form.version}`
    super(`the device has version ${said} of the context, the centre serves ${served}`, {
      remedy: said > form.version ? 'Update the centre.' : 'Update the device.',
      details: { device: said, oldest, newest: form.version },
    })
  }
}

/** How rows of a version differ from the centre's: null for not at all. Throws {@link ContextVersionRefused}. */
export function stepFor(form: ContextForm, said: number = UNSAID_VERSION): ContextStep | null {
  if (said === form.version) return null
  const step = stepTo(form)
  if (step === undefined || said !== form.version - 1) throw new ContextVersionRefused(said, form)
  return step
}

function oldestServed(form: ContextForm): number {
  return stepTo(form) === undefined ? form.version : form.version - 1
}

function stepTo({ version, steps }: ContextForm): ContextStep | undefined {
  return version <= 1 ? undefined : steps.find(({ to }) => to === version)
}
