/** Every state against every event: a cell that is forgotten does not compile. */
import type { FaultKind } from './answer.ts'
import { judge } from './judge.ts'
import {
  DENIED_PAUSE_MS,
  FIRST_DENIED_PAUSE_MS,
  FIRST_PAUSE_MS,
  HELD_AT_LEAST_MS,
  LONGEST_PAUSE_MS,
  LONGEST_SILENCE_MS,
  MAX_QUICK,
  MAX_REFETCHES,
  MAX_STALE,
  QUICK_PAUSE_MS,
  REFETCH_PAUSE_MS,
} from './limits.ts'
import {
  NO_TROUBLE,
  type Problem,
  type Resumption,
  type Step,
  type SyncEffect,
  type SyncEvent,
  type SyncState,
  type Trouble,
} from './machine.ts'

type StateOf<K extends SyncState['kind']> = Extract<SyncState, { readonly kind: K }>
type EventOf<K extends SyncEvent['kind']> = Extract<SyncEvent, { readonly kind: K }>
type Cell<S extends SyncState['kind'], E extends SyncEvent['kind']> = (
  state: StateOf<S>,
  event: EventOf<E>,
) => Step

type Asking = StateOf<'loading' | 'catching_up' | 'live'>
type Told = EventOf<'told'>

export type TransitionTable = {
  readonly [S in SyncState['kind']]: { readonly [E in SyncEvent['kind']]: Cell<S, E> }
}

const stay = (state: SyncState): Step => ({ state, effects: [] })
const end = ({ ticket, trouble, expired }: SyncState): Step => ({
  state: { kind: 'ended', ticket, trouble, expired },
  effects: [],
})
const endAsking = (state: Asking): Step => ({ state: end(state).state, effects: [{ kind: 'abort' }] })
/** An answer to a request that was given up means nothing, whatever it says. */
const unlessLate =
  <S extends { readonly ticket: number }, E extends { readonly ticket: number }>(
    cell: (state: S, event: E) => Step,
  ) =>
  (state: S & SyncState, event: E): Step =>
    state.ticket === event.ticket ? cell(state, event) : stay(state)

const ASKING = {
  started: stay,
  refetch: unlessLate((state: Asking) => startAgain(state)),
  failed: unlessLate((state: Asking, event: EventOf<'failed'>) =>
    event.fault === 'refused' && state.place !== null
      ? startAgain(state, { keepsHandle: true })
      : fail(state, event),
  ),
  elapsed: stay,
  link_lost: (state: Asking): Step => ({
    state: { kind: 'paused', resume: resumptionOf(state), ...courseOf(state) },
    effects: [{ kind: 'abort' }],
  }),
  link_found: stay,
  resync: (state: Asking): Step => withAbort(reload(state)),
  stopped: endAsking,
} as const

const RESTING = { told: stay, refetch: stay, failed: stay, nudged: stay } as const

export const TRANSITIONS: TransitionTable = {
  idle: {
    ...RESTING,
    started: (state) => begin(state.resume, state),
    elapsed: stay,
    link_lost: stay,
    link_found: stay,
    resync: (state) => ({ state: { ...state, resume: FROM_THE_START }, effects: [] }),
    stopped: end,
  },
  loading: { ...ASKING, told: unlessLate(hearLog), nudged: stay },
  catching_up: { ...ASKING, told: unlessLate(hearLog), nudged: stay },
  live: {
    ...ASKING,
    told: unlessLate(hearLive),
    nudged: (state) => withAbort(begin({ kind: 'log', place: state.place }, state)),
  },
  waiting: {
    ...RESTING,
    started: stay,
    elapsed: unlessLate((state: StateOf<'waiting'>) => begin(state.resume, state)),
    link_lost: (state) => ({ state: { ...state, kind: 'paused' }, effects: [] }),
    link_found: (state) => begin(state.resume, state),
    resync: (state) => reload(state),
    stopped: end,
  },
  paused: {
    ...RESTING,
    started: stay,
    elapsed: stay,
    link_lost: stay,
    link_found: (state) => begin(state.resume, { ...state, trouble: { ...state.trouble, failures: 0 } }),
    resync: (state) => ({ state: { ...state, resume: FROM_THE_START }, effects: [{ kind: 'begin_load' }] }),
    stopped: end,
  },
  ended: {
    ...RESTING,
    started: stay,
    elapsed: stay,
    link_lost: stay,
    link_found: stay,
    resync: stay,
    stopped: stay,
  },
}

/** One step of one shape. Total: whatever happens in whatever state has an answer. */
export function reduce(state: SyncState, event: SyncEvent): Step {
  // The table is indexed by both kinds, so the cell is the one for exactly these.
  const cell = TRANSITIONS[state.kind][event.kind] as (state: SyncState, event: SyncEvent) => Step
  return cell(state, event)
}

type Course = Pick<SyncState, 'ticket' | 'trouble' | 'expired'>

const FROM_THE_START: Resumption = { kind: 'load', place: null }

function courseOf({ ticket, trouble, expired }: Course): Course {
  return { ticket, trouble, expired }
}

function resumptionOf(state: Asking): Resumption {
  return state.kind === 'loading' ? { kind: 'load', place: state.place } : { kind: 'log', place: state.place }
}

function withAbort({ state, effects }: Step): Step {
  return { state, effects: [{ kind: 'abort' }, ...effects] }
}

/** Asks, without waiting, for what comes after `resume`. */
function begin(resume: Resumption, before: Course): Step {
  const course = { ...courseOf(before), ticket: before.ticket + 1 }
  const ask: SyncEffect = {
    kind: 'ask',
    ticket: course.ticket,
    place: resume.place,
    wait: 'no',
    cursor: null,
    expired: course.expired,
    cache: course.trouble.stale > 0 || course.trouble.refetches > 1 ? 'bypass' : 'usual',
  }
  if (resume.kind === 'log')
    return { state: { kind: 'catching_up', place: resume.place, ...course }, effects: [ask] }
  const state: SyncState = { kind: 'loading', place: resume.place, ...course }
  return { state, effects: resume.place === null ? [{ kind: 'begin_load' }, ask] : [ask] }
}

function wait(resume: Resumption, before: Course, ms: number): Step {
  const course = { ...courseOf(before), ticket: before.ticket + 1 }
  return {
    state: { kind: 'waiting', resume, ...course },
    effects: [{ kind: 'wait', ticket: course.ticket, ms }],
  }
}

/** What is held is whole, so the next request may be held until there is news. */
function goLive(state: StateOf<'live'>): Step {
  const live = { ...state, ticket: state.ticket + 1 }
  const { ticket, place, cursor, expired, trouble } = live
  const cache = trouble.stale > 0 ? 'bypass' : 'usual'
  return { state: live, effects: [{ kind: 'ask', ticket, place, wait: 'held', cursor, expired, cache }] }
}

function hearLog(state: StateOf<'loading' | 'catching_up'>, event: Told): Step {
  const { answer } = event
  const reads = state.kind === 'loading' ? 'load' : 'log'
  const found = judge(answer, { place: state.place, reads, expired: state.expired })
  if (found.kind !== 'accepted') return distrust(state, event, found)
  const { place } = found
  const { refetches, quick, told } = state.trouble
  // Neither is over before a held request was answered well; until then nobody is told a second time.
  const isOver = refetches === 0 && quick === 0
  const trouble = { ...NO_TROUBLE, refetches, quick, told: isOver ? 'no' : told } as const
  const course = { ...courseOf(state), trouble }
  const { part, operations } = found
  const deliver: SyncEffect = { kind: 'deliver', part, operations, place, upTo: answer.upTo }
  const next =
    answer.upTo === null
      ? begin({ kind: reads, place }, course)
      : goLive({ kind: 'live', place, cursor: null, ...course })
  return { state: next.state, effects: [deliver, ...next.effects] }
}

function hearLive(state: StateOf<'live'>, event: Told): Step {
  const { answer, tookMs } = event
  const found = judge(answer, { place: state.place, reads: 'log', expired: state.expired })
  if (found.kind !== 'accepted') return distrust(state, event, found)
  const isNews = found.operations.length > 0
  // S9: a cursor that comes back is from a cache, because the centre's only grow.
  if (!isNews && answer.cursor === state.cursor)
    return distrust(state, event, { kind: 'stale', detail: 'its cursor is the one that was sent' })
  const quick = isNews || tookMs >= HELD_AT_LEAST_MS ? 0 : state.trouble.quick + 1
  const { place } = found
  // S10: held requests that come back at once would spin.
  if (quick > MAX_QUICK) {
    const detail = 'requests that should be held are answered at once'
    const trouble = { ...NO_TROUBLE, quick: MAX_QUICK, told: state.trouble.told }
    const step = wait({ kind: 'log', place }, { ...state, trouble }, QUICK_PAUSE_MS)
    return say(step, { problem: 'spinning', detail })
  }
  const told = quick === 0 ? 'no' : state.trouble.told
  const course = { ...courseOf(state), trouble: { ...NO_TROUBLE, quick, told } }
  const deliver: SyncEffect = {
    kind: 'deliver',
    part: 'log',
    operations: found.operations,
    place,
    upTo: answer.upTo,
  }
  const next =
    answer.upTo === null
      ? begin({ kind: 'log', place }, course)
      : goLive({ kind: 'live', place, cursor: answer.cursor, ...course })
  return { state: next.state, effects: [deliver, ...next.effects] }
}

type Distrusted = Exclude<ReturnType<typeof judge>, { readonly kind: 'accepted' }>

function distrust(state: Asking, event: Told, found: Distrusted): Step {
  const { answer } = event
  if (found.kind === 'changed_schema') return startAgain(state, { keepsHandle: true })
  const failed = { ...event, kind: 'failed', fault: 'malformed', retryAfterMs: null } as const
  if (found.kind === 'malformed') return fail(state, { ...failed, detail: found.detail })
  const trouble = { ...state.trouble, stale: state.trouble.stale + 1 }
  // S8: asked past the cache a few times, then after a pause.
  if (trouble.stale <= MAX_STALE) {
    const course = { ...state, trouble }
    return state.kind === 'live' ? goLive({ ...state, trouble }) : begin(resumptionOf(state), course)
  }
  // A log that is served past every cache lives, whoever said that it was over.
  const expired = answer.handle === state.expired ? null : state.expired
  return fail({ ...state, trouble, expired }, { ...failed, detail: found.detail }, 'stale_cache')
}

/** S7: counted until a held request is answered well; past the limit the centre is left alone for a while. */
function startAgain(state: Asking, { keepsHandle = false }: { readonly keepsHandle?: boolean } = {}): Step {
  const expired = keepsHandle ? state.expired : (state.place?.handle ?? state.expired)
  const trouble = { ...state.trouble, refetches: state.trouble.refetches + 1 }
  const course = { ticket: state.ticket, trouble, expired }
  if (trouble.refetches <= MAX_REFETCHES) return begin(FROM_THE_START, course)
  return say(wait(FROM_THE_START, course, REFETCH_PAUSE_MS), {
    problem: 'endless_refetch',
    detail: `the centre said ${trouble.refetches} times to start again`,
  })
}

/** A person's wish: from the start, past every cache. */
function reload(state: StateOf<'loading' | 'catching_up' | 'live' | 'waiting'>): Step {
  const { effects, ...step } = begin(FROM_THE_START, { ...courseOf(state), trouble: NO_TROUBLE })
  return {
    ...step,
    effects: effects.map((effect) => (effect.kind === 'ask' ? { ...effect, cache: 'bypass' } : effect)),
  }
}

function fail(
  state: Asking,
  { fault, detail, retryAfterMs, random }: Omit<EventOf<'failed'>, 'kind' | 'ticket'>,
  problem: Problem = fault,
): Step {
  const trouble = { ...state.trouble, failures: state.trouble.failures + 1 }
  const ms = retryAfterMs ?? pauseMs(trouble, fault, random)
  const step = wait(resumptionOf(state), { ...state, trouble }, ms)
  // A device out of reach is no news; its people see it in the link.
  return fault === 'unreachable' ? step : say(step, { problem, detail })
}

/** The first pause of a run of bad luck, and the longest. */
const PAUSES_MS: Readonly<Record<FaultKind, readonly [first: number, longest: number]>> = {
  unreachable: [FIRST_PAUSE_MS, LONGEST_SILENCE_MS],
  unavailable: [FIRST_PAUSE_MS, LONGEST_PAUSE_MS],
  malformed: [FIRST_PAUSE_MS, LONGEST_PAUSE_MS],
  refused: [FIRST_PAUSE_MS, LONGEST_PAUSE_MS],
  version: [DENIED_PAUSE_MS, DENIED_PAUSE_MS],
  denied: [FIRST_DENIED_PAUSE_MS, DENIED_PAUSE_MS],
}

function pauseMs({ failures }: Trouble, fault: FaultKind, random: number): number {
  const [first, longest] = PAUSES_MS[fault]
  const ms = Math.min(first * 2 ** Math.min(failures - 1, 16), longest)
  return Math.round(ms * (0.5 + random / 2))
}

/** Once in a run of bad luck. */
function say({ state, effects }: Step, told: { readonly problem: Problem; readonly detail: string }): Step {
  if (state.trouble.told === 'yes') return { state, effects }
  return {
    state: { ...state, trouble: { ...state.trouble, told: 'yes' } },
    effects: [{ kind: 'tell', ...told }, ...effects],
  }
}
