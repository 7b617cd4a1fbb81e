import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, describe, expect, it } from 'vitest'
import { gaps } from '../../shared/contracts/compatibility.ts'
import {
  breaks,
  historyFaults,
  published,
  type Contract,
  type ContractWay,
} from '../../shared/contracts/contract.ts'
import { jsonSchemaOf } from '../../shared/contracts/json-schema.ts'
import { CONTEXT_TABLES } from '../../shared/context/tables.ts'
import { CONTEXT_VERSION } from '../../shared/context/version.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import { TUNNEL_VERBS, type AskVerb } from '../../shared/wire/subjects.ts'
import { contracts, publish, PUBLISHED_DIR, readPublished, review } from '../support/contracts/files.ts'
import { gatesIn, sources } from '../mutation/gates.ts'
import { anySpec, nearTo, schemaOf, valueOf } from './spec.ts'

const own = await contracts()
const held = await readPublished(PUBLISHED_DIR)

describe('the published contracts', () => {
  it('are what the program does, and nothing of them broke without a new major number', () => {
    expect(review(own, held)).toEqual({ stale: [], faults: [] })
  })

  it('are there for every table, every message, both models, and every effect', () => {
    const names = own.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const table of CONTEXT_TABLES) expect(names).toContain(`table.${table}`)
    for (const verb of TUNNEL_VERBS) expect(names).toContain(`event.tunnel.${verb}`)
    for (const name of Object.values(ASKED)) if (name !== null) expect(names).toContain(`event.${name}`)
    for (const model of ['transcribe', 'understand'])
      expect(names).toEqual(expect.arrayContaining([`tool.model.${model}`, `model.${model}.output`]))
    // Each gate guards at least one effect; those of the field and of the centre guard many.
    const tools = own.filter(({ kind }) => kind === 'tool')
    expect(tools.length).toBeGreaterThan(sources().flatMap(gatesIn).length)
  })

  it('are there for every action that the seeded policy names outright', () => {
    const named = fieldServicePolicy({ environment: 'development', version: 1, nowMs: 0 })
      .rules.flatMap(({ actions }) => actions)
      .filter((action) => !action.includes('*') && !UNBUILT.has(action))
    expect(named.length).toBeGreaterThan(10)
    const names = own.map(({ name }) => name)
    expect(named.filter((action) => !names.includes(`tool.${action}`))).toEqual([])
  })

  it('number the tables’ rows as the context is numbered, so that both versions are served while devices follow', () => {
    const tables = own.filter(({ kind }) => kind === 'table')
    expect(new Set(tables.map(({ major }) => major))).toEqual(new Set([CONTEXT_VERSION]))
  })
})

/** What an ask says; null where it says no more than its subject. */
const ASKED: Readonly<Record<AskVerb, string | null>> = {
  'context.slice': 'context.slice-request',
  'bundle.chunk': 'bundle.chunk-request',
  'bundle.deltas': 'bundle.delta-request',
  'state.desired': null,
  'state.report': 'state.reported',
  'receipt.read': null,
  'repository.metadata': 'repository.metadata-request',
  'site.leaf': 'site.leaf-request',
}

/** Permitted for a time when there is something that does them. */
const UNBUILT: ReadonlySet<string> = new Set([
  'policy.take',
  'inbox.answer',
  'rollout.halt',
  'rollout.pause',
  'rollout.approve',
])

const line = v.pipe(v.string(), v.maxLength(10))
const A = v.strictObject({ kind: v.literal('a'), id: line })
const B = v.strictObject({ kind: v.literal('b'), count: v.number() })
const order = v.strictObject({ id: line, count: v.pipe(v.number(), v.integer(), v.maxValue(9)) })
const change = (
  way: ContractWay,
  after: v.GenericSchema,
  before: v.GenericSchema = order,
): readonly string[] => breaks(way, jsonSchemaOf(before), jsonSchemaOf(after))

describe('a change', () => {
  const { entries } = order
  it.each<[string, v.GenericSchema, v.GenericSchema?]>([
    ['a field that must be there', v.strictObject({ ...entries, unit: line })],
    ['a field taken away', v.strictObject({ id: line })],
    ['a type that is another', v.strictObject({ ...entries, count: line })],
    ['a length that sinks', v.strictObject({ ...entries, id: v.pipe(v.string(), v.maxLength(9)) })],
    ['a pattern', v.strictObject({ ...entries, id: v.pipe(line, v.regex(/^a/)) })],
    [
      'a check in code',
      v.strictObject({
        ...entries,
        id: v.pipe(
          line,
          v.check((id) => id !== 'x', 'not x'),
        ),
      }),
    ],
    ['a value that is gone', v.picklist(['a']), v.picklist(['a', 'b'])],
    ['a kind that is gone', v.variant('kind', [A]), v.variant('kind', [A, B])],
    ['null that is gone', line, v.nullable(line)],
    ['an object that closes', order, v.object(entries)],
    ['a shorter list', v.pipe(v.array(line), v.maxLength(2)), v.pipe(v.array(line), v.maxLength(3))],
    ['a place fewer', v.tuple([line]), v.tuple([line, line])],
    ['anything, and now a text', line, v.any()],
  ])('breaks what was sent: %s', (_what, after, before) => {
    expect(change('in', after, before)).not.toEqual([])
    expect(change('both', after, before)).not.toEqual([])
  })

  it.each<[string, v.GenericSchema, v.GenericSchema?]>([
    ['a field that may be there', v.strictObject({ ...entries, unit: v.exactOptional(line) })],
    ['a field with a default', v.strictObject({ ...entries, unit: v.optional(line, 'bar') })],
    ['a field that may now be missing', v.strictObject({ ...entries, id: v.exactOptional(line) })],
    ['a length that rises', v.strictObject({ ...entries, id: v.pipe(v.string(), v.maxLength(11)) })],
    ['another value', v.picklist(['a', 'b', 'c']), v.picklist(['a', 'b'])],
    ['another kind', v.variant('kind', [A, B]), v.variant('kind', [A])],
    ['null', v.nullable(line), line],
    ['a number that need not be whole', v.number(), v.pipe(v.number(), v.integer())],
    ['an object that opens', v.object(entries)],
  ])('takes all that was sent, and breaks who reads it: %s', (_what, after, before) => {
    expect(change('in', after, before)).toEqual([])
    expect(change('out', after, before)).not.toEqual([])
    expect(change('both', after, before)).not.toEqual([])
  })

  it('is none where only words for people changed', () => {
    const told = v.strictObject({
      ...entries,
      id: v.pipe(v.string(), v.maxLength(10, 'too long'), v.title('its id')),
    })
    expect(change('both', told)).toEqual([])
  })

  it('is let pass as none that breaks only where everything that was let through still is', () => {
    let shown = 0
    const pair = anySpec.chain((before) =>
      fc
        .oneof(nearTo(before), anySpec)
        .chain((after) => fc.tuple(fc.constant([before, after] as const), valueOf(before))),
    )
    fc.assert(
      fc.property(pair, ([[before, after], value]) => {
        const [older, newer] = [schemaOf(before), schemaOf(after)]
        expect(v.is(older, value)).toBe(true)
        if (gaps(jsonSchemaOf(older), jsonSchemaOf(newer)).length > 0) return
        shown += 1
        expect(v.is(newer, value)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
    expect(shown).toBeGreaterThan(500)
  })
})

describe('publishing', () => {
  let dir: string
  afterEach(async () => await rm(dir, { recursive: true, force: true }))
  const contract = (major: number, schema: v.GenericSchema): Contract => ({
    name: 'event.order',
    kind: 'event',
    way: 'in',
    major,
    schema,
  })

  it('adds a minor version by itself, a major one only where the catalogue says so, and keeps those before', async () => {
    dir = await mkdtemp(join(tmpdir(), 'contracts-'))
    const wider = v.strictObject({ ...order.entries, unit: v.exactOptional(line) })
    const other = v.strictObject({ id: line, amount: v.number() })
    expect(await publish(dir, [contract(1, order)])).toEqual(['event.order 1.0'])
    expect(await publish(dir, [contract(1, order)])).toEqual([])
    expect(review([contract(1, wider)], await readPublished(dir))).toEqual({
      stale: ['event.order 1.1'],
      faults: [],
    })
    expect(await publish(dir, [contract(1, wider)])).toEqual(['event.order 1.1'])
    const { faults } = review([contract(1, other)], await readPublished(dir))
    expect(faults).toEqual([expect.stringMatching(/^event\.order 1\.1 breaks: .*major number to 2/)])
    expect(await publish(dir, [contract(1, other)])).toEqual([])
    expect(await publish(dir, [contract(2, other)])).toEqual(['event.order 2.0'])
    const versions = (await readPublished(dir)).get('event.order')?.versions.map(({ version }) => version)
    expect(versions).toEqual(['1.0', '1.1', '2.0'])
    expect(await readdir(dir)).toEqual(['event.order.json'])
  })

  it('refuses a number that skips, one that goes back, and a contract that the program has no more', () => {
    const before = new Map([['event.order', published(contract(2, order), null, '2.0')]])
    for (const major of [1, 4]) expect(review([contract(major, order)], before).faults).toHaveLength(1)
    expect(review([], before).faults).toEqual([expect.stringMatching(/^event\.order is published/)])
  })

  it('finds what somebody changed in a version that was published', () => {
    const first = published(contract(1, order), null, '1.0')
    const edited = published(contract(1, v.strictObject({ id: line })), first, '1.1')
    expect(historyFaults(first)).toEqual([])
    expect(historyFaults(edited)).toEqual([expect.stringMatching(/count: it may not be there/)])
    expect(historyFaults(published(contract(1, order), first, '1.3'))).toHaveLength(1)
  })
})
