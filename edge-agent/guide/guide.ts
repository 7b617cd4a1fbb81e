/**
 * Step guidance as a pure reducer: where a technician stands in a procedure, and what "next", "back" and "again" say.
 * The state is stored after every event, so a device that lost power resumes at the same step.
 */
export interface ProcedureStep {
  readonly number: number
  readonly text: string
  /** What must be recorded before the step counts as done; null for none. */
  readonly evidence: { readonly quantity: string; readonly unit: string } | null
}

export interface Procedure {
  readonly id: string
  readonly title: string
  readonly steps: readonly ProcedureStep[]
}

export type GuideState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'guiding'
      readonly procedureId: string
      readonly workOrder: string
      /** From 0. */
      readonly index: number
      /** Quantities recorded at this step. */
      readonly recorded: readonly string[]
    }
  | { readonly kind: 'finished'; readonly procedureId: string; readonly workOrder: string }

export type GuideEvent =
  | { readonly kind: 'started'; readonly procedureId: string; readonly workOrder: string }
  | { readonly kind: 'next' }
  | { readonly kind: 'previous' }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'recorded'; readonly quantity: string }
  | { readonly kind: 'stopped' }

export type GuideReply =
  | { readonly kind: 'step'; readonly step: ProcedureStep; readonly of: number }
  | { readonly kind: 'finished'; readonly title: string }
  | {
      readonly kind: 'evidence_missing'
      readonly step: ProcedureStep
      readonly quantity: string
      readonly unit: string
    }
  | { readonly kind: 'at_first_step'; readonly step: ProcedureStep; readonly of: number }
  | { readonly kind: 'no_procedure' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'noted' }

export interface GuideResult {
  readonly state: GuideState
  readonly reply: GuideReply
}

/** `procedure` is the one that `state` (or a `started` event) names, or null when the device does not hold it. */
export function advanceGuide(state: GuideState, event: GuideEvent, procedure: Procedure | null): GuideResult {
  if (event.kind === 'started') return start(event, procedure)
  if (event.kind === 'stopped') return { state: { kind: 'idle' }, reply: { kind: 'stopped' } }
  if (procedure === null || state.kind === 'idle') return { state, reply: { kind: 'no_procedure' } }
  if (state.kind === 'finished') return whenFinished(state, event, procedure)
  const step = procedure.steps[state.index]
  if (step === undefined) return { state: { kind: 'idle' }, reply: { kind: 'no_procedure' } }
  switch (event.kind) {
    case 'repeat':
      return { state, reply: at(step, procedure) }
    case 'recorded':
      return {
        state: { ...state, recorded: [...new Set([...state.recorded, event.quantity])] },
        reply: { kind: 'noted' },
      }
    case 'previous':
      return goTo(state, state.index - 1, procedure)
    case 'next':
      if (step.evidence !== null && !state.recorded.includes(step.evidence.quantity))
        return { state, reply: { kind: 'evidence_missing', step, ...step.evidence } }
      return goTo(state, state.index + 1, procedure)
  }
}

function start(event: Extract<GuideEvent, { kind: 'started' }>, procedure: Procedure | null): GuideResult {
  const first = procedure?.steps[0]
  if (procedure === null || first === undefined)
    return { state: { kind: 'idle' }, reply: { kind: 'no_procedure' } }
  const state: GuideState = {
    kind: 'guiding',
    procedureId: procedure.id,
    workOrder: event.workOrder,
    index: 0,
    recorded: [],
  }
  return { state, reply: at(first, procedure) }
}

function whenFinished(
  state: Extract<GuideState, { kind: 'finished' }>,
  event: GuideEvent,
  procedure: Procedure,
): GuideResult {
  const last = procedure.steps.length - 1
  if (event.kind === 'previous')
    return goTo({ ...state, kind: 'guiding', index: last, recorded: [] }, last, procedure)
  return { state, reply: { kind: 'finished', title: procedure.title } }
}

function goTo(
  state: Extract<GuideState, { kind: 'guiding' }>,
  index: number,
  procedure: Procedure,
): GuideResult {
  const first = procedure.steps[0]
  if (index < 0 && first !== undefined)
    return { state, reply: { kind: 'at_first_step', step: first, of: procedure.steps.length } }
  const step = procedure.steps[index]
  if (step === undefined) {
    const { procedureId, workOrder } = state
    return {
      state: { kind: 'finished', procedureId, workOrder },
      reply: { kind: 'finished', title: procedure.title },
    }
  }
  const recorded = index === state.index ? state.recorded : []
  return { state: { ...state, index, recorded }, reply: at(step, procedure) }
}

function at(step: ProcedureStep, procedure: Procedure): GuideReply {
  return { kind: 'step', step, of: procedure.steps.length }
}
