/** Answers and events for tests of the machine, short to write. */
import type { LogAnswer, Operation } from '../../../../edge-agent/context/shape/answer.ts'
import type { SyncEffect, SyncEvent, SyncState } from '../../../../edge-agent/context/shape/machine.ts'
import { reduce } from '../../../../edge-agent/context/shape/transitions.ts'

export const SCHEMA = '{"key":{"type":"text"}}'

export function operation(lsn: bigint, op: bigint, change: Partial<Operation> = {}): Operation {
  return { kind: 'insert', value: { key: `${lsn}_${op}` }, at: { lsn, op }, isLast: true, ...change }
}

export function logAnswer(change: Partial<LogAnswer> = {}): LogAnswer {
  return {
    kind: 'log',
    handle: 'h1',
    offset: '0_0',
    schema: SCHEMA,
    cursor: null,
    operations: [],
    upTo: null,
    ...change,
  }
}

export function told(ticket: number, answer: LogAnswer, tookMs = 20_000): SyncEvent {
  return { kind: 'told', ticket, answer, tookMs, random: 0.5 }
}

export function failed(
  ticket: number,
  change: Partial<Extract<SyncEvent, { kind: 'failed' }>> = {},
): SyncEvent {
  return {
    kind: 'failed',
    ticket,
    fault: 'unreachable',
    detail: '',
    retryAfterMs: null,
    random: 0.5,
    ...change,
  }
}

/** A machine that is told events one after the other. */
export class Played {
  state: SyncState
  readonly effects: SyncEffect[] = []

  constructor(state: SyncState) {
    this.state = state
  }

  hear(event: SyncEvent): readonly SyncEffect[] {
    const step = reduce(this.state, event)
    this.state = step.state
    this.effects.push(...step.effects)
    return step.effects
  }

  get ticket(): number {
    return this.state.ticket
  }

  count(kind: SyncEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length
  }
}
