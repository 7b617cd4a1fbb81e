/**
 * Performers made with tripwires for everything that they work on, and asked to perform by admissions that the kernel
 * never gave, gave for something else, or gave before. A gate that stands refuses them all and lets nothing be touched.
 */
import { grant, redeem, type Admitted } from '../../shared/kernel/admitted.ts'
import { reportError } from '../../shared/errors.ts'
import { parseRecordId, uuidV7 } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { EffectRequest } from '../../shared/kernel/contract.ts'

/** What a performer is, as far as an attacker cares. */
export interface AnyPerformer {
  readonly action: string
  perform(admitted: unknown, means: unknown): Promise<unknown>
}

export interface Made {
  readonly performer: AnyPerformer
  /** Calls so far on anything that the performer was made with or given. */
  touched(): number
  readonly means: unknown
}

/** Every performer that the module's exported functions make. */
export async function performersOf(module: Readonly<Record<string, unknown>>): Promise<readonly Made[]> {
  const made: Made[] = []
  for (const value of Object.values(module)) {
    if (typeof value !== 'function') continue
    let touches = 0
    const means = tripwire(() => (touches += 1))
    for (const performer of await called(value as (...args: unknown[]) => unknown, means))
      made.push({ performer, touched: () => touches, means })
  }
  return made
}

async function called(
  make: (...args: unknown[]) => unknown,
  means: unknown,
): Promise<readonly AnyPerformer[]> {
  try {
    const result = await make(means, means, means, means)
    return isPerformer(result) ? [result] : []
  } catch {
    return [] // It makes no performer: it wanted something else than a tripwire.
  }
}

function isPerformer(value: unknown): value is AnyPerformer {
  if (typeof value !== 'object' || value === null) return false
  const { kind, perform } = value as { kind?: unknown; perform?: unknown }
  return (kind === 'transactional' || kind === 'external') && typeof perform === 'function'
}

/** Why the gate of `made` does not hold; null when it refuses every forgery and nothing was touched. */
export async function gateFault(made: Made): Promise<string | null> {
  for (const [what, admission] of forgeries(made.performer.action)) {
    const before = made.touched()
    const outcome = await made.performer.perform(admission, made.means).then(
      () => 'it performed',
      (thrown: unknown) => reportError(thrown).code,
    )
    if (outcome !== 'ungated_effect') return `${what}: ${outcome}`
    if (made.touched() !== before) return `${what}: something was touched before the gate`
  }
  return null
}

function forgeries(action: string): readonly (readonly [string, unknown])[] {
  const recordId = parseRecordId(uuidV7(1, new Uint8Array(10)))
  const request: EffectRequest<JsonObject> = {
    principal: { kind: 'person', id: 'eve', roles: ['technician'] },
    action,
    resource: { type: 'any', id: 'any' },
    dataClass: 'internal',
    input: {},
    confidence: null,
    turn: null,
    cost: 1,
  }
  const used: Admitted<JsonObject> = grant(request, recordId)
  redeem(used, action)
  return [
    ['a forged admission', { request, recordId }],
    ['an admission for another action', grant({ ...request, action: 'nothing.at_all' }, recordId)],
    ['an admission that was used', used],
    ['no admission', undefined],
  ]
}

/** Stands in for anything; every call, on it or on any part of it, is counted. */
export function tripwire(onCall: () => void): unknown {
  const wire: unknown = new Proxy(() => undefined, {
    get: (_target, name) => {
      if (name === 'then') return undefined
      if (name === Symbol.toPrimitive) return () => 'tripwire'
      return wire
    },
    apply: () => {
      onCall()
      return wire
    },
  })
  return wire
}
