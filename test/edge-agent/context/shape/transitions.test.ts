import { describe, expect, it } from 'vitest'
import {
  MAX_QUICK,
  MAX_REFETCHES,
  MAX_STALE,
  QUICK_PAUSE_MS,
  REFETCH_PAUSE_MS,
  DENIED_PAUSE_MS,
  FIRST_DENIED_PAUSE_MS,
} from '../../../../edge-agent/context/shape/limits.ts'
import {
  NO_TROUBLE,
  startState,
  type SyncEvent,
  type SyncState,
} from '../../../../edge-agent/context/shape/machine.ts'
import { reduce, TRANSITIONS } from '../../../../edge-agent/context/shape/transitions.ts'
import { failed, logAnswer, operation, Played, SCHEMA, told } from './shapes.ts'

const place = { handle: 'h1', offset: '7_1', schema: SCHEMA }

function live(): Played {
  const played = new Played(startState(place))
  played.hear({ kind: 'started' })
  played.hear(told(played.ticket, logAnswer({ offset: '7_1', upTo: 9n })))
  expect(played.state.kind).toBe('live')
  return played
}

describe('the machine of one shape', () => {
  it('S1: has an outcome for every event in every state, and only an asking state has a request out', () => {
    const course = { ticket: 4, trouble: NO_TROUBLE, expired: null }
    const resume = { kind: 'log', place } as const
    const states: readonly SyncState[] = [
      { kind: 'idle', resume, ...course },
      { kind: 'loading', place: null, ...course },
      { kind: 'loading', place: { ...place, offset: '0_0' }, ...course },
      { kind: 'catching_up', place, ...course },
      { kind: 'live', place, cursor: '1', ...course },
      { kind: 'waiting', resume, ...course },
      { kind: 'paused', resume, ...course },
      { kind: 'ended', ...course },
    ]
    const events: readonly SyncEvent[] = [
      { kind: 'started' },
      told(4, logAnswer({ offset: '8_0', upTo: 8n, cursor: '2' })),
      { kind: 'refetch', ticket: 4 },
      failed(4),
      { kind: 'elapsed', ticket: 4 },
      { kind: 'link_lost' },
      { kind: 'link_found' },
      { kind: 'nudged' },
      { kind: 'resync' },
      { kind: 'stopped' },
    ]
    const asking = new Set(['loading', 'catching_up', 'live'])
    let cells = 0
    for (const state of states)
      for (const event of events) {
        const { state: next, effects } = reduce(state, event)
        cells += 1
        const asks = effects.filter(({ kind }) => kind === 'ask').length
        expect(asks, `${state.kind} ${event.kind}`).toBeLessThanOrEqual(1)
        if (asks === 1) expect(asking.has(next.kind), `${state.kind} ${event.kind}`).toBe(true)
        if (asks === 1) expect(next.ticket).toBe(state.ticket + 1)
        if (next.kind === 'waiting' && state.kind !== 'waiting')
          expect(
            effects.some(({ kind }) => kind === 'wait'),
            `${state.kind} ${event.kind}`,
          ).toBe(true)
      }
    expect(cells).toBe(80)
    expect(Object.keys(TRANSITIONS)).toHaveLength(7)
  })

  it('reads a snapshot piece by piece, then the log, then waits for news with the cursor it was given', () => {
    const played = new Played(startState(null))
    expect(played.hear({ kind: 'started' })).toMatchObject([
      { kind: 'begin_load' },
      { kind: 'ask', place: null, wait: 'no', cache: 'usual' },
    ])
    const rows = [operation(0n, 0n, { at: null })]
    const first = played.hear(told(played.ticket, logAnswer({ operations: rows })))
    expect(first).toMatchObject([
      { kind: 'deliver', part: 'load', operations: rows, upTo: null },
      { kind: 'ask', place: { handle: 'h1', offset: '0_0' } },
    ])
    played.hear(told(played.ticket, logAnswer({ offset: '0_1', operations: rows })))
    const change = operation(5n, 0n)
    const last = played.hear(
      told(played.ticket, logAnswer({ offset: '5_0', operations: [change], upTo: 6n })),
    )
    expect(last).toMatchObject([
      { kind: 'deliver', part: 'log', operations: [change], upTo: 6n, place: { offset: '5_0' } },
      { kind: 'ask', wait: 'held', cursor: null, place: { offset: '5_0', schema: SCHEMA } },
    ])
    const news = played.hear(
      told(played.ticket, logAnswer({ offset: '5_0', schema: null, cursor: '77', upTo: 8n })),
    )
    expect(news).toMatchObject([
      { kind: 'deliver', operations: [], upTo: 8n },
      { kind: 'ask', cursor: '77' },
    ])
  })

  it('S2: an answer that comes after its request was given up changes nothing', () => {
    const played = live()
    const late = played.ticket
    played.hear({ kind: 'nudged' })
    expect(played.state.kind).toBe('catching_up')
    expect(
      played.hear(told(late, logAnswer({ offset: '8_0', cursor: '9', operations: [operation(8n, 0n)] }))),
    ).toEqual([])
    expect(played.hear(failed(late))).toEqual([])
    expect(played.hear({ kind: 'refetch', ticket: late })).toEqual([])
  })

  it('S4: drops what is held already, and refuses what is out of order or past the named place', () => {
    const again = live()
    again.hear({ kind: 'nudged' })
    const [old, fresh] = [operation(7n, 1n), operation(8n, 0n)]
    expect(
      again.hear(
        told(again.ticket, logAnswer({ offset: '8_0', operations: [operation(7n, 0n), old, fresh] })),
      ),
    ).toMatchObject([{ kind: 'deliver', operations: [fresh] }, { kind: 'ask' }])
    for (const [offset, operations] of [
      ['9_0', [operation(9n, 0n), operation(8n, 0n)]],
      ['9_0', [operation(8n, 0n), operation(8n, 0n)]],
      ['8_0', [operation(9n, 0n)]],
      ['8_0', [operation(8n, 0n, { at: null })]],
    ] as const) {
      const played = live()
      const effects = played.hear(
        told(played.ticket, logAnswer({ offset, operations, cursor: '3', schema: null })),
      )
      expect(effects.map(({ kind }) => kind)).toEqual(['tell', 'wait'])
      expect(effects[0]).toMatchObject({ problem: 'malformed' })
    }
  })

  it('S3: a piece of the snapshot that is skipped, repeated or from before is asked for again', () => {
    for (const offset of ['0_2', '0_0']) {
      const played = new Played(startState(null))
      played.hear({ kind: 'started' })
      played.hear(told(played.ticket, logAnswer()))
      const effects = played.hear(told(played.ticket, logAnswer({ offset })))
      expect(effects).toMatchObject([{ kind: 'ask', place: { offset: '0_0' }, cache: 'bypass' }])
    }
  })

  it('S7: endless calls to start again end in a long pause that is told once', () => {
    const played = live()
    for (let count = 1; count <= MAX_REFETCHES; count++) {
      expect(played.hear({ kind: 'refetch', ticket: played.ticket })).toMatchObject([
        { kind: 'begin_load' },
        { kind: 'ask', place: null, expired: `h${count}` },
      ])
      // Good answers of the load do not count: only a held request that is answered well does.
      played.hear(told(played.ticket, logAnswer({ handle: `h${count + 1}` })))
    }
    // The first call named h1, each load since another handle.
    expect(played.hear({ kind: 'refetch', ticket: played.ticket })).toMatchObject([
      { kind: 'tell', problem: 'endless_refetch' },
      { kind: 'wait', ms: REFETCH_PAUSE_MS },
    ])
    played.hear({ kind: 'elapsed', ticket: played.ticket })
    expect(played.hear({ kind: 'refetch', ticket: played.ticket })).toMatchObject([
      { kind: 'wait', ms: REFETCH_PAUSE_MS },
    ])
    expect(played.count('tell')).toBe(1)
  })

  it('S8: an answer of a log that is over is asked for past the cache, a few times, then after a pause', () => {
    const played = live()
    played.hear({ kind: 'refetch', ticket: played.ticket })
    for (let count = 1; count <= MAX_STALE; count++)
      expect(played.hear(told(played.ticket, logAnswer({ handle: 'h1' })))).toMatchObject([
        { kind: 'begin_load' },
        { kind: 'ask', place: null, expired: 'h1', cache: 'bypass' },
      ])
    expect(played.hear(told(played.ticket, logAnswer({ handle: 'h1' })))).toMatchObject([
      { kind: 'tell', problem: 'stale_cache' },
      { kind: 'wait' },
    ])
    expect(played.count('deliver')).toBe(1)
  })

  it('S9: a held request that brings its own cursor back came from a cache', () => {
    const played = live()
    played.hear(told(played.ticket, logAnswer({ offset: '7_1', schema: null, cursor: '5', upTo: 9n })))
    expect(
      played.hear(told(played.ticket, logAnswer({ offset: '7_1', schema: null, cursor: '5', upTo: 9n }))),
    ).toMatchObject([{ kind: 'ask', wait: 'held', cursor: '5', cache: 'bypass' }])
  })

  it('S10: held requests that are answered at once lead to a pause, told once', () => {
    const played = live()
    const quick = (cursor: number): SyncEvent =>
      told(played.ticket, logAnswer({ offset: '7_1', schema: null, cursor: `${cursor}`, upTo: 9n }), 1)
    for (let count = 1; count <= MAX_QUICK; count++) played.hear(quick(count))
    expect(played.state.kind).toBe('live')
    expect(played.hear(quick(99))).toMatchObject([
      { kind: 'tell', problem: 'spinning' },
      { kind: 'wait', ms: QUICK_PAUSE_MS },
    ])
    played.hear({ kind: 'elapsed', ticket: played.ticket })
    played.hear(told(played.ticket, logAnswer({ offset: '7_1', upTo: 9n })))
    expect(played.hear(quick(100))).toMatchObject([{ kind: 'wait' }])
    expect(played.count('tell')).toBe(1)
  })

  it('S6: pauses grow up to a bound, the link’s return ends one, and silence is not told', () => {
    const played = live()
    const pauses: number[] = []
    for (let count = 0; count < 20; count++) {
      for (const effect of played.hear(failed(played.ticket)))
        if (effect.kind === 'wait') pauses.push(effect.ms)
      played.hear({ kind: 'elapsed', ticket: played.ticket })
    }
    expect(pauses.toSorted((a, b) => a - b)).toEqual(pauses)
    expect(pauses.at(-1)).toBe(1_500)
    played.hear(failed(played.ticket))
    expect(played.hear({ kind: 'link_found' })).toMatchObject([{ kind: 'ask' }])
    expect(played.count('tell')).toBe(0)
  })

  it('gives up what is held when the link drops, and asks from the same place when it is back', () => {
    const played = live()
    expect(played.hear({ kind: 'link_lost' })).toEqual([{ kind: 'abort' }])
    expect(played.hear({ kind: 'nudged' })).toEqual([])
    expect(played.hear({ kind: 'link_found' })).toMatchObject([{ kind: 'ask', place, wait: 'no' }])
  })

  it('keeps to what the centre says of waiting; one who is shut out asks rarely; what it cannot read is fetched anew', () => {
    const busy = live()
    expect(busy.hear(failed(busy.ticket, { fault: 'unavailable', retryAfterMs: 7_000 }))).toMatchObject([
      { kind: 'tell' },
      { kind: 'wait', ms: 7_000 },
    ])
    const denied = live()
    const pauses: number[] = []
    for (let count = 0; count < 12; count++) {
      for (const effect of denied.hear(failed(denied.ticket, { fault: 'denied', random: 1 })))
        if (effect.kind === 'wait') pauses.push(effect.ms)
      denied.hear({ kind: 'elapsed', ticket: denied.ticket })
    }
    expect([pauses[0], pauses.at(-1)]).toEqual([FIRST_DENIED_PAUSE_MS, DENIED_PAUSE_MS])
    expect(denied.effects.filter(({ kind }) => kind === 'tell')).toMatchObject([{ problem: 'denied' }])
    const lost = live()
    expect(lost.hear(failed(lost.ticket, { fault: 'refused' }))).toMatchObject([
      { kind: 'begin_load' },
      { kind: 'ask', place: null },
    ])
  })

  it('columns that changed under the same log are fetched anew; so is a table that a person names', () => {
    const changed = live()
    changed.hear({ kind: 'nudged' })
    expect(
      changed.hear(told(changed.ticket, logAnswer({ offset: '8_0', schema: '{}', upTo: 8n }))),
    ).toMatchObject([{ kind: 'begin_load' }, { kind: 'ask', place: null, expired: null }])
    expect(live().hear({ kind: 'resync' })).toMatchObject([
      { kind: 'abort' },
      { kind: 'begin_load' },
      { kind: 'ask', place: null, cache: 'bypass' },
    ])
  })
})
