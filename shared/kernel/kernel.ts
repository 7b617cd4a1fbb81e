/**
 * The kernel: the one way to an effect, on the device and in the centre.
 *
 * The intent is durable before anything is performed, the outcome after. A transactional performer's rows commit together
 * with its outcome; an external performer that a crash cuts short leaves an open intent, which {@link recoverIntents}
 * settles at the next start. Whatever goes wrong in between, nothing is performed that no record tells of.
 */
import type { Clock } from '../clock.ts'
import { reportError, StarlingError, type ErrorReport } from '../errors.ts'
import { parseDeviceId, parseRecordId, type RecordId } from '../ids.ts'
import type { Json } from '../json.ts'
import { payloadFor, type Journal, type Payload } from '../journal/journal.ts'
import type { OutcomeBody } from '../journal/record.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { evaluatePolicy, type Verdict } from '../policy/policy.ts'
import type { SignedPolicy } from '../policy/signed-policy.ts'
import type { Database, Transaction } from '../sql/port.ts'
import { grant } from './admitted.ts'
import { BUDGET_SCHEMA, spend } from './budget.ts'
import type { Answer, EffectRequest, Kernel, Performer, Provenance, Route } from './contract.ts'
import { redacted } from './redact.ts'

export interface KernelParts {
  readonly db: Database
  readonly journal: Journal
  /** The policy in force at this moment. */
  policy(): SignedPolicy
  readonly clock: Clock
  readonly metrics: Metrics
  /** How long an external performer may take; default {@link PERFORM_WITHIN_MS}. */
  readonly performWithinMs?: number
}

/** The longest single effect: ten minutes of speech on a slow device. */
export const PERFORM_WITHIN_MS = 120_000
/** Fields of a record have room for this much. */
const MAX_NAME = 200

export class EffectTimedOut extends StarlingError {
  override readonly code = 'effect_timed_out'
}

export class BadRequest extends StarlingError {
  override readonly code = 'bad_effect_request'
}

/** Opens the kernel over a journal. */
export async function createKernel(parts: KernelParts): Promise<Kernel> {
  await parts.db.script(BUDGET_SCHEMA)
  return {
    admit: async <I extends Json, O extends Json>(performer: Performer<I, O>, request: EffectRequest<I>) =>
      await admit(parts, performer, request),
  }
}

async function admit<I extends Json, O extends Json>(
  parts: KernelParts,
  performer: Performer<I, O>,
  request: EffectRequest<I>,
): Promise<Answer<O>> {
  const startedMs = parts.clock.monotonicMs()
  checkRequest(performer.action, request)
  const route = performer.route(request)
  const { recordId, verdict, policy } = await recordIntent(parts, request, route)
  const provenance = (): Provenance => ({
    recordId,
    device: parseDeviceId(parts.journal.origin),
    policyVersion: policy.document.version,
    policyDigest: policy.digest,
    rule: verdict.rule,
    route,
    confidence: request.confidence,
    durationUs: elapsedUs(parts, startedMs),
  })
  const answered = (answer: Answer<O>): Answer<O> => {
    parts.metrics.count('starling_effects_total', { action: request.action, verdict: answer.kind })
    parts.metrics.observe('starling_effect_us', answer.provenance.durationUs, { action: request.action })
    return answer
  }
  if (verdict.verdict === 'deny')
    return answered({ kind: 'denied', reason: verdict.reason, provenance: provenance() })
  const task: Task<I, O> = { parts, performer, request, recordId, startedMs }
  const result = performer.kind === 'transactional' ? await performInside(task) : await performOutside(task)
  return answered(
    result.kind === 'performed'
      ? { kind: 'performed', output: result.output, provenance: provenance() }
      : { kind: 'failed', ...failure(result.report), provenance: provenance() },
  )
}

interface Task<I extends Json, O extends Json> {
  readonly parts: KernelParts
  readonly performer: Performer<I, O>
  readonly request: EffectRequest<I>
  readonly recordId: RecordId
  readonly startedMs: number
}

type Result<O> =
  | { readonly kind: 'performed'; readonly output: O }
  | { readonly kind: 'failed'; readonly report: ErrorReport }

/** Decides, and makes the decision durable. What follows in memory is only ever weaker than what stands there. */
async function recordIntent(
  parts: KernelParts,
  request: EffectRequest,
  route: Route,
): Promise<{ recordId: RecordId; verdict: Verdict; policy: SignedPolicy }> {
  const policy = parts.policy()
  const nowMs = parts.clock.nowMs()
  const decided = evaluatePolicy(policy.document, request, route, nowMs)
  const input = keptPayload('input', request.input, request)
  return await parts.journal.transaction(async (tx) => {
    const { budget } = policy.document
    const verdict =
      decided.verdict === 'permit' && !(await spend(tx, request.principal, request.cost, { budget, nowMs }))
        ? overBudget(budget)
        : decided
    const record = await parts.journal.append(
      tx,
      {
        kind: 'intent',
        principal: {
          kind: request.principal.kind,
          id: request.principal.id,
          roles: [...request.principal.roles],
        },
        action: request.action,
        resource: { type: request.resource.type, id: request.resource.id },
        dataClass: request.dataClass,
        policy: { version: policy.document.version, digest: policy.digest, rule: verdict.rule },
        verdict: verdict.verdict,
        route: { ...route },
        confidence: request.confidence,
        turn: request.turn,
        cost: request.cost,
        input: input.digest,
      },
      input.kept,
    )
    return { recordId: parseRecordId(record.id), verdict, policy }
  })
}

/** The performer's rows and the outcome in one transaction: both or neither. */
async function performInside<I extends Json, O extends Json>(task: Task<I, O>): Promise<Result<O>> {
  const { parts, performer, request, recordId } = task
  if (performer.kind !== 'transactional') throw new TypeError('not a transactional performer')
  let failed: { readonly thrown: unknown } | null = null
  try {
    const output = await parts.journal.transaction(async (tx) => {
      let made: O
      try {
        made = await performer.perform(grant(request, recordId), tx)
        performer.check(made)
      } catch (thrown) {
        failed = { thrown }
        throw thrown
      }
      await appendOutcome(task, tx, { status: 'performed', code: null, output: made })
      return made
    })
    return { kind: 'performed', output }
  } catch (thrown) {
    // Not the performer's doing: the disk, or the database. Then the caller learns it as what it is.
    if (failed === null) throw thrown
    return await recordFailure(task, thrown)
  }
}

async function performOutside<I extends Json, O extends Json>(task: Task<I, O>): Promise<Result<O>> {
  const { parts, performer, request, recordId } = task
  if (performer.kind !== 'external') throw new TypeError('not an external performer')
  const limitMs = parts.performWithinMs ?? PERFORM_WITHIN_MS
  const limit = AbortSignal.timeout(limitMs)
  let output: O
  try {
    output = await withinLimit(performer.perform(grant(request, recordId), limit), limit, request.action)
    performer.check(output)
  } catch (thrown) {
    return await recordFailure(task, thrown)
  }
  await parts.journal.transaction(async (tx) => {
    await appendOutcome(task, tx, { status: 'performed', code: null, output })
  })
  return { kind: 'performed', output }
}

/** A performer that does not heed the signal is left behind: its outcome is the time limit's. */
async function withinLimit<O>(work: Promise<O>, limit: AbortSignal, action: string): Promise<O> {
  let stop: () => void = () => undefined
  const late = new Promise<never>((_resolve, reject) => {
    stop = () =>
      reject(
        new EffectTimedOut(`${action} took too long and was given up`, {
          remedy: 'Try again with less; the journal says that it is not known how far it came.',
        }),
      )
    limit.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    limit.removeEventListener('abort', stop)
  }
}

async function recordFailure<I extends Json, O extends Json>(
  task: Task<I, O>,
  thrown: unknown,
): Promise<{ kind: 'failed'; report: ErrorReport }> {
  const report = reportError(thrown)
  await task.parts.journal.transaction(async (tx) => {
    await appendOutcome(task, tx, { status: 'failed', code: report.code.slice(0, MAX_NAME), output: null })
  })
  return { kind: 'failed', report }
}

async function appendOutcome<I extends Json, O extends Json>(
  task: Task<I, O>,
  tx: Transaction,
  outcome: { readonly status: OutcomeBody['status']; readonly code: string | null; readonly output: Json },
): Promise<void> {
  const { parts, recordId, request, startedMs } = task
  const output = outcome.status === 'performed' ? keptPayload('output', outcome.output, request) : null
  await parts.journal.append(
    tx,
    {
      kind: 'outcome',
      of: recordId,
      status: outcome.status,
      code: outcome.code,
      durationUs: elapsedUs(parts, startedMs),
      output: output?.digest ?? null,
    },
    output?.kept,
  )
}

/** The digest always; the payload itself only where its class lets it be kept. */
function keptPayload(
  part: Payload['part'],
  value: Json,
  request: EffectRequest,
): { readonly digest: string; readonly kept: Payload | undefined } {
  const kept = redacted(value, request.dataClass)
  const payload = payloadFor(part, kept ?? value)
  return { digest: payload.digest, kept: kept === null ? undefined : payload }
}

function checkRequest(action: string, request: EffectRequest): void {
  const { principal, resource, cost, confidence } = request
  const names = [action, principal.id, resource.type, resource.id, ...principal.roles]
  if (request.action !== action) throw bad(`it asks for ${request.action} of the performer of ${action}`)
  if (names.some((name) => name.length === 0 || name.length > MAX_NAME))
    throw bad('a name in it is empty or too long')
  if (!Number.isInteger(cost) || cost < 1) throw bad('its cost is no whole number from 1')
  if (confidence !== null && !(confidence >= 0 && confidence <= 1))
    throw bad('its confidence is not from 0 to 1')
}

function overBudget(budget: SignedPolicy['document']['budget']): Verdict {
  return {
    verdict: 'deny',
    rule: 'budget',
    reason: `the budget of ${budget.effects} effects in ${budget.windowS} s is spent`,
  }
}

function elapsedUs(parts: KernelParts, startedMs: number): number {
  return Math.round((parts.clock.monotonicMs() - startedMs) * 1_000)
}

function failure({ code, message, remedy }: ErrorReport): { code: string; message: string; remedy: string } {
  return { code, message, remedy }
}

function bad(why: string): BadRequest {
  return new BadRequest(`an effect was not admitted: ${why}`, {
    remedy: 'This is a fault in the caller: report it.',
  })
}
