/**
 * Which steps of a signed list a device's database takes now. Pure: what the list says, what was taken, what lies in the slots.
 *
 * Expand, then contract: an expanding step is taken as soon as its list runs, and the version before goes on working beside it;
 * a contracting one only when no version that lies in a slot, and not the program itself, uses what it removes.
 */
import { digestOf } from '../shared/digest.ts'
import type { Sha256Hex } from '../shared/ids.ts'
import type { SchemaStep, SchemaSteps } from '../shared/wire/schema-steps.ts'

export const SCHEMA_REFUSALS = [
  'unsigned',
  'malformed',
  'edited',
  'reordered',
  'unknown',
  'not_allowed',
  'other_form',
] as const
export type SchemaRefusal = (typeof SCHEMA_REFUSALS)[number]

/** A step that the database says it took. */
export interface TakenStep {
  readonly number: number
  readonly kind: SchemaStep['kind']
  readonly digest: string
}

export type SchemaPlan =
  | {
      readonly kind: 'steps'
      readonly now: readonly SchemaStep[]
      /** Contracting steps whose form is still used, and by whom. */
      readonly waiting: readonly { readonly step: SchemaStep; readonly usedBy: string }[]
    }
  | { readonly kind: 'refused'; readonly reason: SchemaRefusal; readonly detail: string }

/** Who uses which forms: the lists in both slots, and the program. */
export interface FormUser {
  readonly name: string
  readonly uses: readonly string[]
}

/** What a step is known by: any change of it is another step. */
export function stepDigest(step: SchemaStep): Sha256Hex {
  const { number, kind, name, removes = [], statements } = step
  return digestOf({ number, kind, name, removes, statements })
}

export function planSchema(
  list: SchemaSteps,
  taken: readonly TakenStep[],
  users: readonly FormUser[],
): SchemaPlan {
  const fault = listFault(list) ?? takenFault(list, taken)
  if (fault !== null) return fault
  const done = new Set(taken.map(({ number }) => number))
  const open = list.steps.filter(({ number }) => !done.has(number))
  const waiting = open.flatMap((step) => {
    const user = users.find(({ uses }) => (step.removes ?? []).some((form) => uses.includes(form)))
    return step.kind === 'contract' && user !== undefined ? [{ step, usedBy: user.name }] : []
  })
  const held = new Set(waiting.map(({ step }) => step.number))
  return { kind: 'steps', now: open.filter(({ number }) => !held.has(number)), waiting }
}

type Refused = Extract<SchemaPlan, { kind: 'refused' }>

function listFault({ steps }: SchemaSteps): Refused | null {
  for (const [index, step] of steps.entries()) {
    if (step.number !== index + 1)
      return refuse('reordered', `step ${step.number} stands where ${index + 1} belongs`)
    const statement = step.statements.find((text) => !isAllowed(step.kind, text))
    if (statement !== undefined)
      return refuse(
        'not_allowed',
        `step ${step.number} (${step.kind}) may not run: ${statement.slice(0, 80)}`,
      )
    if (step.kind === 'expand' && step.removes !== undefined)
      return refuse('malformed', `step ${step.number} expands and names what it removes`)
    if (step.kind === 'contract' && (step.removes ?? []).length === 0)
      return refuse('malformed', `step ${step.number} contracts and does not name what it removes`)
  }
  return null
}

function takenFault({ steps }: SchemaSteps, taken: readonly TakenStep[]): Refused | null {
  for (const { number, kind, digest } of taken) {
    const step = steps[number - 1]
    // An older list over a database that a newer one expanded: it still finds all that it uses.
    if (step === undefined && kind === 'expand') continue
    if (step === undefined)
      return refuse(
        'unknown',
        `the database took step ${number}, which removed something and is not in this list`,
      )
    if (stepDigest(step) !== digest)
      return refuse('edited', `step ${number} is not the one that the database took`)
  }
  return null
}

const EXPANDING =
  /^(create (table|(unique )?index|(or replace )?view|schema)\b|alter table [\w.]+ add (column|constraint)\b|insert into\b|update\b|comment on\b)/i
const CONTRACTING = /^(drop (table|index|view)\b|alter table [\w.]+ (drop|rename|alter)\b|delete from\b)/i
/** The audit trail and the notes of what was taken belong to no list. */
const FORBIDDEN = /\b(journal|device|pg_catalog)\s*\./i

function isAllowed(kind: SchemaStep['kind'], statement: string): boolean {
  if (statement.includes(';') || FORBIDDEN.test(statement)) return false
  return EXPANDING.test(statement) || (kind === 'contract' && CONTRACTING.test(statement))
}

function refuse(reason: SchemaRefusal, detail: string): Refused {
  return { kind: 'refused', reason, detail }
}
