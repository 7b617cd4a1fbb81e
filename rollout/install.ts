/**
 * The install state machine: where the installation of one bundle stands, and what any fact does to it.
 *
 *     IDLE -> CHECK -> FETCH -> VERIFY -> SMOKE -> ACTIVATE -> CONFIRM -> COMMITTED
 *              any error -> ROLLBACK -> REPORT -> IDLE;   no link, no room -> DEFERRED -> (again)
 *
 * Pure: the state is stored after every transition, every step may be run again, so a crash costs the step that it hit.
 * The table is total: a state or a fact without a cell does not compile.
 */
export type Slot = 'a' | 'b'

/** The bundle that is being installed, and into which slot. */
export interface Install {
  readonly name: string
  readonly version: string
  readonly envelopeSha256: string
  readonly envelopeSizeBytes: number
  readonly slot: Slot
}

export interface InstallFailure {
  readonly step: InstallStep
  readonly code: string
  readonly message: string
}

export const INSTALL_STEPS = ['CHECK', 'FETCH', 'VERIFY', 'SMOKE', 'ACTIVATE', 'CONFIRM'] as const
export type InstallStep = (typeof INSTALL_STEPS)[number]

export type InstallState =
  | { readonly kind: 'IDLE' }
  | { readonly kind: InstallStep; readonly install: Install; readonly restarts: number }
  | { readonly kind: 'COMMITTED'; readonly install: Install }
  | { readonly kind: 'ROLLBACK'; readonly install: Install; readonly failure: InstallFailure }
  | { readonly kind: 'REPORT'; readonly install: Install; readonly failure: InstallFailure }
  | {
      readonly kind: 'DEFERRED'
      readonly install: Install
      readonly step: InstallStep
      readonly reason: string
    }
export type InstallStateKind = InstallState['kind']

export type InstallFact =
  /** The centre wants this bundle. */
  | { readonly kind: 'offered'; readonly install: Install }
  /** The current step did what it had to. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** The step cannot be done now (no link, no room), which is nobody's fault. */
  | { readonly kind: 'postponed'; readonly reason: string }
  /** What was missing may be there again. */
  | { readonly kind: 'retried' }
  /** The process started and found this state on its disk. */
  | { readonly kind: 'restarted' }
export type InstallFactKind = InstallFact['kind']

/**
 * How often one step may be found unfinished at a start before it counts as failed: a model that kills its process when it is
 * loaded must not do so for ever. Fetching is exempt: a device may lose power any number of times.
 */
export const MAX_RESTARTS = 3

type Cell = 'ignore' | 'begin' | 'advance' | 'back_out' | 'defer' | 'resume' | 'again' | 'count'

const step = {
  offered: 'ignore',
  done: 'advance',
  failed: 'back_out',
  postponed: 'defer',
  retried: 'ignore',
  restarted: 'count',
} as const satisfies Record<InstallFactKind, Cell>
const rest = {
  offered: 'begin',
  done: 'ignore',
  failed: 'ignore',
  postponed: 'ignore',
  retried: 'ignore',
  restarted: 'ignore',
} as const satisfies Record<InstallFactKind, Cell>
const undo = {
  offered: 'ignore',
  done: 'advance',
  failed: 'again',
  postponed: 'again',
  retried: 'again',
  restarted: 'again',
} as const satisfies Record<InstallFactKind, Cell>

export const TRANSITIONS: Readonly<Record<InstallStateKind, Readonly<Record<InstallFactKind, Cell>>>> = {
  IDLE: rest,
  CHECK: { ...step, restarted: 'again' },
  FETCH: { ...step, restarted: 'again' },
  VERIFY: step,
  SMOKE: step,
  ACTIVATE: step,
  CONFIRM: step,
  COMMITTED: rest,
  ROLLBACK: undo,
  REPORT: undo,
  DEFERRED: { ...rest, offered: 'begin', retried: 'resume', restarted: 'resume' },
}

/** The state after `fact`. Returns the very same object when the fact changes nothing. */
export function nextStep(state: InstallState, fact: InstallFact): InstallState {
  const cell: Cell = TRANSITIONS[state.kind][fact.kind]
  switch (cell) {
    case 'ignore':
    case 'again':
      return state
    case 'begin':
      return fact.kind === 'offered' ? { kind: 'CHECK', install: fact.install, restarts: 0 } : state
    case 'advance':
      return advanced(state)
    case 'back_out':
      return isStep(state) && fact.kind === 'failed' ? backedOut(state, fact.code, fact.message) : state
    case 'defer':
      return isStep(state) && fact.kind === 'postponed'
        ? { kind: 'DEFERRED', install: state.install, step: state.kind, reason: fact.reason }
        : state
    case 'resume':
      return state.kind === 'DEFERRED' ? { kind: state.step, install: state.install, restarts: 0 } : state
    case 'count':
      return isStep(state) ? counted(state) : state
  }
}

/** True while there is work to do now: neither at rest nor waiting. */
export function isBusy(state: InstallState): boolean {
  return state.kind !== 'IDLE' && state.kind !== 'COMMITTED' && state.kind !== 'DEFERRED'
}

type StepState = Extract<InstallState, { restarts: number }>

function isStep(state: InstallState): state is StepState {
  return 'restarts' in state
}

const AFTER: Readonly<Record<InstallStep, InstallStep | 'COMMITTED'>> = {
  CHECK: 'FETCH',
  FETCH: 'VERIFY',
  VERIFY: 'SMOKE',
  SMOKE: 'ACTIVATE',
  ACTIVATE: 'CONFIRM',
  CONFIRM: 'COMMITTED',
}

function advanced(state: InstallState): InstallState {
  if (state.kind === 'ROLLBACK') return { ...state, kind: 'REPORT' }
  if (state.kind === 'REPORT') return { kind: 'IDLE' }
  if (!isStep(state)) return state
  const after = AFTER[state.kind]
  if (after === 'COMMITTED') return { kind: 'COMMITTED', install: state.install }
  return { kind: after, install: state.install, restarts: 0 }
}

function backedOut(state: StepState, code: string, message: string): InstallState {
  return { kind: 'ROLLBACK', install: state.install, failure: { step: state.kind, code, message } }
}

function counted(state: StepState): InstallState {
  const restarts = state.restarts + 1
  if (restarts <= MAX_RESTARTS) return { ...state, restarts }
  return backedOut(
    state,
    'install_crash_loop',
    `the device stopped ${restarts} times in ${state.kind} of ${state.install.name} ${state.install.version}`,
  )
}
