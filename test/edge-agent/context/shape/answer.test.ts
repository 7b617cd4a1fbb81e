import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../../../edge-agent/context/shape/answer.ts'

const HEADERS = { 'electric-handle': 'h', 'electric-offset': '5_1', 'electric-schema': '{}' }
const change = (headers: object): object => ({ key: 'k', value: { key: 'one', body: null }, headers })
const upToDate = { headers: { control: 'up-to-date', global_last_seen_lsn: '9' } }

function read(body: unknown, headers: Record<string, string> = HEADERS, status = 200, isLive = false) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readAnswer({ status, headers: new Headers(headers), body: text }, { isLive })
}

describe('an answer of the shape protocol', () => {
  it('is read: operations with their places, and how far it is complete', () => {
    const operation = { operation: 'update', lsn: '5', op_position: 1, last: true }
    expect(read([change(operation), { headers: { control: 'snapshot-end' } }, upToDate])).toEqual({
      kind: 'log',
      handle: 'h',
      offset: '5_1',
      schema: '{}',
      cursor: null,
      upTo: 9n,
      operations: [
        { kind: 'update', value: { key: 'one', body: null }, at: { lsn: 5n, op: 1n }, isLast: true },
      ],
    })
  })

  it('S5: is worth nothing when its body is cut short, or a header is missing', () => {
    const whole = JSON.stringify([change({ operation: 'insert' }), upToDate])
    for (let end = 0; end < whole.length; end++)
      expect(read(whole.slice(0, end)), String(end)).toMatchObject({ fault: 'malformed' })
    for (const name of Object.keys(HEADERS)) {
      const headers = Object.fromEntries(Object.entries(HEADERS).filter(([other]) => other !== name))
      expect(read([upToDate], headers), name).toMatchObject({ fault: 'malformed' })
    }
    expect(read([upToDate], HEADERS, 200, true)).toMatchObject({ fault: 'malformed' })
    expect(read([upToDate], { ...HEADERS, 'electric-offset': 'x' })).toMatchObject({ fault: 'malformed' })
  })

  it('S5: is worth nothing when a message is none, has no place, or follows the end', () => {
    for (const body of [
      {},
      [7],
      [{ key: 'k' }],
      [change({ operation: 'upsert' })],
      [change({ operation: 'insert', lsn: '5' })],
      [change({ operation: 'insert', lsn: '-5', op_position: 0 })],
      [{ key: 'k', value: { n: 5 }, headers: { operation: 'insert' } }],
      [{ headers: { control: 'up-to-date' } }],
      [upToDate, change({ operation: 'insert' })],
    ])
      expect(read(body), JSON.stringify(body)).toMatchObject({ kind: 'fault', fault: 'malformed' })
  })

  it('says what a status means: start again, busy, shut out, not understood', () => {
    expect(read('[]', {}, 409)).toEqual({ kind: 'refetch' })
    expect(read([{ headers: { control: 'must-refetch' } }])).toEqual({ kind: 'refetch' })
    expect(read('', { 'retry-after': '7' }, 503)).toMatchObject({ fault: 'unavailable', retryAfterMs: 7_000 })
    expect(read('', { 'retry-after': '999999' }, 429)).toMatchObject({ retryAfterMs: 600_000 })
    expect(read('', {}, 401)).toMatchObject({ fault: 'denied' })
    expect(read('', {}, 400)).toMatchObject({ fault: 'refused' })
    expect(read('', {}, 304)).toMatchObject({ fault: 'refused' })
  })
})
