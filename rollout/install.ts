/**
 * The install state machine: where the installation of one bundle stands, and what any fact does to it.
 *
 *     IDLE -> CHECK -> PLAN -> FETCH -> ASSEMBLE -> VERIFY -> SMOKE -> (SHADOW) -> ACTIVATE -> CONFIRM -> COMMITTED
 *              any error -> ROLLBACK -> REPORT -> IDLE, or PARKED once the artefact's budget of tries is spent
 *              no link, no room, shadow not done -> DEFERRED -> (again)
 *
 * Pure: the state is stored after every transition, every step may be run again, so a crash costs the step that it hit.
 * The table is total: a state or a fact without a cell does not compile.
 */
export type Slot = 'a' | 'b'

/** How long both versions run side by side before the new one acts: whichever of the two comes first. */
export interface ShadowWish {
  readonly turns: number
  readonly hours: number
}

/** What a plan comes to, bytes: what moves, and what the files that were not held weigh whole. */
export interface Transfer {
  readonly moveBytes: number
  readonly fullBytes: number
}

/** The bundle that is being installed, and into which slot. */
export interface Install {
  readonly name: string
  readonly version: string
  readonly envelopeSha256: string
  readonly envelopeSizeBytes: number
  readonly slot: Slot
  /** The centre's decision by which it is wanted; a later one for the same bytes is an operator's retry. */
  readonly offer?: number
  readonly shadow?: ShadowWish
  /** Its files may go whole over a metered link. */
  readonly fullOnMetered?: boolean
  /** The newer bundle that this one may replace: the director signed that the device goes back from it. */
  readonly returnFrom?: string
  /** From PLAN on. */
  readonly transfer?: Transfer
  /** Which try at these bytes this is, from 1; absent: the first. */
  readonly attempt?: number
}

export interface InstallFailure {
  readonly step: InstallStep
  readonly code: string
  readonly message: string
}

export const INSTALL_STEPS = [
  'CHECK',
  'PLAN',
  'FETCH',
  'ASSEMBLE',
  'VERIFY',
  'SMOKE',
  'SHADOW',
  'ACTIVATE',
  'CONFIRM',
] as const
export type InstallStep = (typeof INSTALL_STEPS)[number]

/** Where a step stands. */
export interface StepFields {
  readonly install: Install
  readonly restarts: number
  /** The dead man's deadline, from ACTIVATE on: unless the device says by then that it works, it goes back. Null before. */
  readonly confirmByMs: number | null
}

export type InstallState =
  | { readonly kind: 'IDLE' }
  | { readonly [K in InstallStep]: { readonly kind: K } & StepFields }[InstallStep]
  | { readonly kind: 'COMMITTED'; readonly install: Install }
  | { readonly kind: 'ROLLBACK'; readonly install: Install; readonly failure: InstallFailure }
  | { readonly kind: 'REPORT'; readonly install: Install; readonly failure: InstallFailure }
  | ({ readonly kind: 'DEFERRED'; readonly step: InstallStep; readonly reason: string } & StepFields)
  /** Given up: left only by another bundle, or by an operator's retry. */
  | { readonly kind: 'PARKED'; readonly install: Install; readonly failure: InstallFailure }
export type InstallStateKind = InstallState['kind']

export type InstallFact =
  /** The centre wants this bundle. */
  | { readonly kind: 'offered'; readonly install: Install }
  /** The current step did what it had to, at this moment of the device's clock. */
  | { readonly kind: 'done'; readonly atMs: number; readonly transfer?: Transfer }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** The step cannot be done now (no link, no room), which is nobody's fault. */
  | { readonly kind: 'postponed'; readonly reason: string }
  /** What was missing may be there again. */
  | { readonly kind: 'retried' }
  /** The process started and found this state on its disk. */
  | { readonly kind: 'restarted' }
  /** The way that was planned does not lead there: it is planned again. */
  | { readonly kind: 'spoiled' }
  /** What is wanted runs already, committed: whatever was waited for or given up in its place is over. */
  | { readonly kind: 'settled'; readonly install: Install }
  /** The device's clock says so much. */
  | { readonly kind: 'waited'; readonly atMs: number }
export type InstallFactKind = InstallFact['kind']

/**
 * How often one step may be found unfinished at a start before it counts as failed: a model that kills its process when it is
 * loaded must not do so for ever. Fetching and what comes before it is exempt: a device may lose power any number of times.
 */
export const MAX_RESTARTS = 3
/** Beside the version that runs, a bundle may lie for days of switching off and on. */
export const MAX_SHADOW_RESTARTS = 12
/** Tries at one artefact, over all restarts of the process: a device must not fetch and fail for ever on a metered link. */
export const MAX_ATTEMPTS = 3
/** From the activation on, milliseconds: the slowest device loads its models in a few seconds, and may be started thrice. */
export const CONFIRM_WITHIN_MS = 10 * 60_000

type Cell =
  | 'ignore'
  | 'begin'
  | 'advance'
  | 'back_out'
  | 'defer'
  | 'resume'
  | 'recall'
  | 'again'
  | 'count'
  | 'expire'
  | 'reopen'
  | 'settle'
  | 'replan'

const step = {
  offered: 'ignore',
  done: 'advance',
  failed: 'back_out',
  postponed: 'defer',
  retried: 'ignore',
  restarted: 'count',
  spoiled: 'ignore',
  settled: 'ignore',
  waited: 'expire',
} as const satisfies Record<InstallFactKind, Cell>
const rest = {
  offered: 'begin',
  done: 'ignore',
  failed: 'ignore',
  postponed: 'ignore',
  retried: 'ignore',
  restarted: 'ignore',
  spoiled: 'ignore',
  settled: 'settle',
  waited: 'ignore',
} as const satisfies Record<InstallFactKind, Cell>
const undo = {
  offered: 'ignore',
  done: 'advance',
  failed: 'again',
  postponed: 'again',
  retried: 'again',
  restarted: 'again',
  spoiled: 'again',
  settled: 'again',
  waited: 'again',
} as const satisfies Record<InstallFactKind, Cell>
/** Nothing of it runs or is being tried: another bundle may take its place. */
const early = { ...step, offered: 'begin', restarted: 'again', settled: 'settle' } as const satisfies Record<
  InstallFactKind,
  Cell
>

export const TRANSITIONS: Readonly<Record<InstallStateKind, Readonly<Record<InstallFactKind, Cell>>>> = {
  IDLE: rest,
  CHECK: early,
  PLAN: early,
  FETCH: { ...early, spoiled: 'replan' },
  ASSEMBLE: { ...step, spoiled: 'replan' },
  VERIFY: step,
  SMOKE: step,
  SHADOW: step,
  ACTIVATE: step,
  CONFIRM: step,
  COMMITTED: rest,
  ROLLBACK: undo,
  REPORT: undo,
  DEFERRED: { ...rest, retried: 'resume', restarted: 'recall', waited: 'expire' },
  PARKED: { ...rest, offered: 'reopen' },
}

/** The state after `fact`. Returns the very same object when the fact changes nothing. */
export function nextStep(state: InstallState, fact: InstallFact): InstallState {
  const cell: Cell = TRANSITIONS[state.kind][fact.kind]
  switch (cell) {
    case 'ignore':
    case 'again':
      return state
    case 'begin':
      return fact.kind === 'offered' ? begun(state, fact.install) : state
    case 'reopen':
      return fact.kind === 'offered' ? reopened(state, fact.install) : state
    case 'advance':
      return fact.kind === 'done' ? advanced(state, fact) : state
    case 'replan':
      return isStep(state) ? { ...state, kind: 'PLAN', restarts: 0 } : state
    case 'back_out':
      return isStep(state) && fact.kind === 'failed' ? backedOut(state, fact) : state
    case 'defer':
      return isStep(state) && fact.kind === 'postponed' ? deferred(state, fact.reason) : state
    case 'resume':
      return resumed(state)
    case 'recall':
      return recalled(state)
    case 'count':
      return isStep(state) ? counted(state) : state
    case 'settle':
      return fact.kind === 'settled' ? settled(state, fact.install) : state
    case 'expire':
      return fact.kind === 'waited' ? expired(state, fact.atMs) : state
  }
}

/** True while there is work to do now: neither at rest nor waiting. */
export function isBusy(state: InstallState): boolean {
  return (
    state.kind !== 'IDLE' &&
    state.kind !== 'COMMITTED' &&
    state.kind !== 'DEFERRED' &&
    state.kind !== 'PARKED'
  )
}

/** True where the slot may run already: another bundle is taken up only after this one is committed or taken back. */
export function isExposed(state: InstallState): boolean {
  const at = state.kind === 'DEFERRED' ? state.step : state.kind
  return at === 'ACTIVATE' || at === 'CONFIRM' || at === 'ROLLBACK' || at === 'REPORT'
}

/** True where the same bytes are offered on the same terms. */
export function isSameOffer(left: Install, right: Install): boolean {
  return (
    left.envelopeSha256 === right.envelopeSha256 &&
    left.offer === right.offer &&
    left.fullOnMetered === right.fullOnMetered &&
    left.returnFrom === right.returnFrom &&
    left.shadow?.turns === right.shadow?.turns &&
    left.shadow?.hours === right.shadow?.hours
  )
}

type StepState = Extract<InstallState, { kind: InstallStep }>
type FailedState = Extract<InstallState, { kind: 'ROLLBACK' | 'REPORT' | 'PARKED' }>

function isStep(state: InstallState): state is StepState {
  return 'restarts' in state && state.kind !== 'DEFERRED'
}

const AFTER: Readonly<Record<InstallStep, InstallStep | 'COMMITTED'>> = {
  CHECK: 'PLAN',
  PLAN: 'FETCH',
  FETCH: 'ASSEMBLE',
  ASSEMBLE: 'VERIFY',
  VERIFY: 'SMOKE',
  SMOKE: 'SHADOW',
  SHADOW: 'ACTIVATE',
  ACTIVATE: 'CONFIRM',
  CONFIRM: 'COMMITTED',
}

function begun(state: InstallState, install: Install): InstallState {
  if (isStep(state) && isSameOffer(state.install, install)) return state
  // What may run already has the other slot to go back to: that one is not to be filled anew.
  if (isExposed(state)) return state
  return { kind: 'CHECK', install, restarts: 0, confirmByMs: null }
}

function settled(state: InstallState, install: Install): InstallState {
  const isSo = state.kind === 'COMMITTED' && state.install.envelopeSha256 === install.envelopeSha256
  return isSo || isExposed(state) ? state : { kind: 'COMMITTED', install }
}

function reopened(state: InstallState, install: Install): InstallState {
  if (state.kind !== 'PARKED') return state
  const isOther = install.envelopeSha256 !== state.install.envelopeSha256
  const isOrdered = (install.offer ?? 0) > (state.install.offer ?? 0)
  return isOther || isOrdered ? begun(state, { ...install, attempt: 1 }) : state
}

function advanced(
  state: InstallState,
  { atMs, transfer }: Extract<InstallFact, { kind: 'done' }>,
): InstallState {
  if (state.kind === 'ROLLBACK') return { ...state, kind: 'REPORT' }
  if (state.kind === 'REPORT') return isSpent(state) ? { ...state, kind: 'PARKED' } : { kind: 'IDLE' }
  if (!isStep(state)) return state
  const install = transfer === undefined ? state.install : { ...state.install, transfer }
  const next = AFTER[state.kind]
  const after = next === 'SHADOW' && install.shadow === undefined ? AFTER[next] : next
  if (after === 'COMMITTED') return { kind: 'COMMITTED', install }
  // The deadline is on the disk before the pointer moves: no kill in between leaves a new slot that nobody watches.
  const confirmByMs = after === 'ACTIVATE' ? atMs + CONFIRM_WITHIN_MS : state.confirmByMs
  return { kind: after, install, restarts: 0, confirmByMs }
}

/** Steps in which the bundle's models are loaded. */
const RUNS_IT: ReadonlySet<InstallStep> = new Set(['SMOKE', 'SHADOW', 'ACTIVATE', 'CONFIRM'])

/** True when these bytes are not to be tried again by themselves: what kills its process is not tried on people twice. */
function isSpent({ install, failure }: FailedState): boolean {
  const isKiller = failure.code === 'install_crash_loop' && RUNS_IT.has(failure.step)
  return isKiller || (install.attempt ?? 1) >= MAX_ATTEMPTS
}

function backedOut(
  { kind, install }: StepState,
  { code, message }: { readonly code: string; readonly message: string },
): InstallState {
  return { kind: 'ROLLBACK', install, failure: { step: kind, code, message } }
}

function deferred({ kind, ...fields }: StepState, reason: string): InstallState {
  return { ...fields, kind: 'DEFERRED', step: kind, reason }
}

function resumed(state: InstallState): InstallState {
  if (state.kind !== 'DEFERRED') return state
  const { step: kind, install, restarts, confirmByMs } = state
  return { kind, install, restarts, confirmByMs }
}

/** What waits in a shadow runs while it waits, so a start counts there too. */
function recalled(state: InstallState): InstallState {
  const waiting = resumed(state)
  return waiting.kind === 'SHADOW' ? counted(waiting) : waiting
}

function counted(state: StepState): InstallState {
  const restarts = state.restarts + 1
  if (restarts <= (state.kind === 'SHADOW' ? MAX_SHADOW_RESTARTS : MAX_RESTARTS))
    return { ...state, restarts }
  const { name, version } = state.install
  return backedOut(state, {
    code: 'install_crash_loop',
    message: `the device stopped ${restarts} times in ${state.kind} of ${name} ${version}`,
  })
}

/** The dead man's hand: whatever kept the device from saying that it works, it goes back by itself. */
function expired(state: InstallState, atMs: number): InstallState {
  const waiting = resumed(state)
  if (!isStep(waiting) || waiting.confirmByMs === null) return state
  // Where the clock was set back, the process's own timer and MAX_RESTARTS bound the time instead.
  if (atMs < waiting.confirmByMs) return state
  const { name, version } = waiting.install
  return backedOut(waiting, {
    code: 'confirmation_overdue',
    message: `${name} ${version} was not confirmed to work within ${CONFIRM_WITHIN_MS / 60_000} minutes`,
  })
}
