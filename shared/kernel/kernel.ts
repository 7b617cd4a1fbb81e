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
import type { IntentBody, JournalRecord, OutcomeBody } from '../journal/record.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { evaluatePolicy, type Verdict } from '../policy/policy.ts'
import type { SignedPolicy } from '../policy/signed-policy.ts'
import type { Database, Transaction } from '../sql/port.ts'
import { grant } from './admitted.ts'
import { BUDGET_SCHEMA, spend } from './budget.ts'
import type { Answer, EffectRequest, Kernel, Performer, Provenance, Route } from './contract.ts'
import { checkInput, InputRefused } from './input-contract.ts'
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
const MAX_ROLES = 16
/** Units of budget that one effect may spend. */
const MAX_COST = 1_000_000

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
  const { route, verdict: unroutable } = routeOf(performer, request)
  const { recordId, verdict, policy } = await recordIntent(parts, request, { route, unroutable })
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
  const result = await perform(task)
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

/** What keeps its contract is performed; anything else is a failure, and stays in the journal. */
async function perform<I extends Json, O extends Json>(task: Task<I, O>): Promise<Result<O>> {
  try {
    checkInput(task.performer.accepts, task.request)
  } catch (thrown) {
    return await recordFailure(task, thrown)
  }
  return task.performer.kind === 'transactional' ? await performInside(task) : await performOutside(task)
}

type Result<O> =
  | { readonly kind: 'performed'; readonly output: O }
  | { readonly kind: 'failed'; readonly report: ErrorReport }

/** A performer that cannot say who would do it is denied: what nobody is named for, nobody may do. */
function routeOf<I extends Json, O extends Json>(
  performer: Performer<I, O>,
  request: EffectRequest<I>,
): { readonly route: Route; readonly verdict: Verdict | null } {
  try {
    const { provider, model, digest, region, reason, traits } = performer.route(request)
    const route = {
      provider: short(provider),
      model: short(model),
      digest,
      region,
      reason: short(reason),
      ...(traits === undefined
        ? {}
        : { traits: { ...traits, class: short(traits.class), licence: short(traits.licence) } }),
    }
    return { route, verdict: null }
  } catch (thrown) {
    const reason = short(`no route for ${request.action}: ${reportError(thrown).message}`)
    const route = { provider: 'none', model: 'none', digest: null, region: 'device' as const, reason }
    return { route, verdict: { verdict: 'deny', rule: 'no-route', reason } }
  }
}

/** Decides, and makes the decision durable. What follows in memory is only ever weaker than what stands there. */
async function recordIntent(
  parts: KernelParts,
  request: EffectRequest,
  routed: { readonly route: Route; readonly unroutable: Verdict | null },
): Promise<{ recordId: RecordId; verdict: Verdict; policy: SignedPolicy }> {
  const policy = parts.policy()
  const nowMs = parts.clock.nowMs()
  const { document, digest } = policy
  const decided = routed.unroutable ?? evaluatePolicy(document, request, routed.route, nowMs)
  const input = keptPayload('input', request.input, request)
  return await parts.journal.transaction(async (tx) => {
    const { budget } = document
    const verdict =
      decided.verdict === 'permit' && !(await spend(tx, request.principal, request.cost, { budget, nowMs }))
        ? overBudget(budget)
        : decided
    const { principal, action, resource, dataClass, confidence, turn, cost } = request
    const body: IntentBody = {
      kind: 'intent',
      principal: { kind: principal.kind, id: principal.id, roles: [...principal.roles] },
      action,
      resource: { type: resource.type, id: resource.id },
      dataClass,
      policy: { version: document.version, digest, rule: verdict.rule },
      verdict: verdict.verdict,
      route: { ...routed.route },
      confidence,
      turn,
      cost,
      input: input.digest,
    }
    const record = await parts.journal.append(tx, body, input.kept)
    return { recordId: parseRecordId(record.id), verdict, policy }
  })
}

/** The performer's rows and the outcome in one transaction: both or neither. */
async function performInside<I extends Json, O extends Json>(task: Task<I, O>): Promise<Result<O>> {
  const { parts, performer, request, recordId } = task
  if (performer.kind !== 'transactional') throw new TypeError('not a transactional performer')
  let made: { readonly output: O } | null = null
  try {
    const output = await parts.journal.transaction(async (tx) => {
      const done = await performer.perform(grant(request, recordId), tx)
      performer.check(done)
      await appendOutcome(task, tx, performed(done, request))
      made = { output: done }
      return done
    })
    return { kind: 'performed', output }
  } catch (thrown) {
    return await settle(task, made, thrown)
  }
}

/**
 * A commit whose answer was lost may have been made (the engine died in the middle of it): then the outcome stands in the
 * journal, and is the truth. Else it is a failure, recorded as one; where not even that can be recorded, the caller learns
 * why nothing could be made durable.
 */
async function settle<I extends Json, O extends Json>(
  task: Task<I, O>,
  made: { readonly output: O } | null,
  thrown: unknown,
): Promise<Result<O>> {
  try {
    if (made !== null && (await task.parts.journal.following(task.recordId)).some(isOutcome))
      return { kind: 'performed', output: made.output }
    return await recordFailure(task, thrown)
  } catch {
    throw thrown
  }
}

async function performOutside<I extends Json, O extends Json>(task: Task<I, O>): Promise<Result<O>> {
  const { parts, performer, request, recordId } = task
  if (performer.kind !== 'external') throw new TypeError('not an external performer')
  const limitMs = parts.performWithinMs ?? PERFORM_WITHIN_MS
  const limit = AbortSignal.timeout(limitMs)
  let output: O
  let outcome: Outcome
  try {
    output = await withinLimit(performer.perform(grant(request, recordId), limit), limit, request.action)
    performer.check(output)
    outcome = performed(output, request)
  } catch (thrown) {
    return await recordFailure(task, thrown)
  }
  await parts.journal.transaction(async (tx) => await appendOutcome(task, tx, outcome))
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
  if (thrown instanceof InputRefused)
    task.parts.metrics.count('starling_inputs_refused_total', { action: task.request.action })
  // What was given up at its limit may still be going on: nobody knows, and the record says so.
  const status = thrown instanceof EffectTimedOut ? 'unknown' : 'failed'
  await task.parts.journal.transaction(
    async (tx) => await appendOutcome(task, tx, { status, code: short(report.code), output: null }),
  )
  return { kind: 'failed', report }
}

interface Outcome {
  readonly status: OutcomeBody['status']
  readonly code: string | null
  readonly output: KeptPayload | null
}

/** Throws `NotCanonical` for an output that no record can name. */
function performed(output: Json, request: EffectRequest): Outcome {
  return { status: 'performed', code: null, output: keptPayload('output', output, request) }
}

async function appendOutcome<I extends Json, O extends Json>(
  task: Task<I, O>,
  tx: Transaction,
  { status, code, output }: Outcome,
): Promise<void> {
  const { parts, recordId, startedMs } = task
  const durationUs = elapsedUs(parts, startedMs)
  const body: OutcomeBody = {
    kind: 'outcome',
    of: recordId,
    status,
    code,
    durationUs,
    output: output?.digest ?? null,
  }
  await parts.journal.append(tx, body, output?.kept)
}

interface KeptPayload {
  readonly digest: string
  readonly kept: Payload | undefined
}

/** The digest always; the payload itself only where its class lets it be kept. */
function keptPayload(part: Payload['part'], value: Json, request: EffectRequest): KeptPayload {
  const kept = redacted(value, request.dataClass)
  const payload = payloadFor(part, kept ?? value)
  return { digest: payload.digest, kept: kept === null ? undefined : payload }
}

function checkRequest(action: string, request: EffectRequest): void {
  const { principal, resource, cost, confidence } = request
  const names = [action, principal.id, resource.type, resource.id, ...principal.roles]
  if (request.action !== action) throw bad(`it asks for ${request.action} of the performer of ${action}`)
  if (names.some((name) => name.length === 0 || name.length > MAX_NAME || /\p{Cc}/u.test(name)))
    throw bad('a name in it is empty, too long, or holds a control character')
  if (principal.roles.length > MAX_ROLES) throw bad(`it names more than ${MAX_ROLES} roles`)
  if (!Number.isInteger(cost) || cost < 1 || cost > MAX_COST)
    throw bad(`its cost is no whole number from 1 to ${MAX_COST}`)
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

function isOutcome({ body }: JournalRecord): boolean {
  return body.kind === 'outcome'
}

function short(text: string): string {
  return text.slice(0, MAX_NAME).toWellFormed()
}

function failure({ code, message, remedy }: ErrorReport): { code: string; message: string; remedy: string } {
  return { code, message, remedy }
}

function bad(why: string): BadRequest {
  return new BadRequest(`an effect was not admitted: ${why}`, {
    remedy: 'This is a fault in the caller: report it.',
  })
}
