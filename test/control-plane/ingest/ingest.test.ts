import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApplyFailed, processBatch, type BatchOutcome } from '../../../control-plane/ingest/batch.ts'
import type { KnownDevice } from '../../../control-plane/ingest/judge.ts'
import { INGEST_SCHEMA } from '../../../control-plane/ingest/schema.ts'
import { heldOf, readCursor } from '../../../control-plane/ingest/store.ts'
import { parseDeviceId, parseSiteId, parseTenantId, uuidV7, type DeviceId } from '../../../shared/ids.ts'
import { GENESIS_HASH, type JournalBody, type JournalRecord } from '../../../shared/journal/record.ts'
import { hashOf, sealOf } from '../../../shared/journal/seal.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { encodeSegment, type Segment } from '../../../shared/wire/segment.ts'
import { subjects } from '../../../shared/wire/subjects.ts'

const tenant = parseTenantId('acme')
const alpha = parseDeviceId('alpha')
const beta = parseDeviceId('beta')
const key = generateKeyPair()
const otherKey = generateKeyPair()
const site = parseSiteId('north')
const known = new Map<DeviceId, KnownDevice | null>([
  [alpha, { device: alpha, site, key: key.publicKey }],
  [beta, { device: beta, site, key: otherKey.publicKey }],
])

let made = 0
function chain(
  count: number,
  from: { seq: number; hash: string } = { seq: 0, hash: GENESIS_HASH },
): JournalRecord[] {
  const records: JournalRecord[] = []
  let { seq, hash: prev } = from
  for (let index = 0; index < count; index++) {
    seq += 1
    made += 1
    const id = uuidV7(made, Buffer.from(String(made).padStart(10, '0')))
    const body: JournalBody =
      seq % 2 === 0
        ? { kind: 'write', of: id, table: 'note', key: 'k', patch: '{}', baseVersion: 0 }
        : { kind: 'outcome', of: id, status: 'performed', code: null, durationUs: 1, output: null }
    records.push(recordOf({ seq, prev, id, body }))
    prev = records.at(-1)?.hash ?? ''
  }
  return records
}

function recordOf(fields: { seq: number; prev: string; id: string; body: JournalBody }): JournalRecord {
  const unhashed = { v: 1 as const, origin: 'alpha', at: '2026-01-01T00:00:00.000Z', ...fields }
  return { ...unhashed, hash: hashOf(unhashed) }
}

function segment(
  records: readonly JournalRecord[],
  change: Partial<Segment> = {},
  signer: KeyPair = key,
): Uint8Array {
  const seal = sealOf(records, signer, '2026-01-01T00:00:00.000Z')
  return encodeSegment({ v: 1, seal, records: [...records], gapRun: null, ...change })
}

describe('ingest', () => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-ingest-'))
  let db: Database
  let position = 0
  const applied: string[] = []
  let applying: (id: string) => void = () => undefined
  beforeAll(async () => {
    db = await openDatabase({ dir })
    await db.script(INGEST_SCHEMA)
  })
  afterAll(async () => {
    await db.close()
    rmSync(dir, { recursive: true, force: true })
  })
  beforeEach(async () => {
    await db.script(
      'truncate ingest.record, ingest.device, ingest.seal, ingest.gap, ingest.quarantine, ingest.cursor',
    )
    applied.length = 0
    applying = () => undefined
    position = 0
  })

  async function take(
    ...messages: (Uint8Array | { bytes: Uint8Array; subject: string; device: DeviceId | null })[]
  ) {
    const batch = messages.map((message) => {
      position += 1
      if (!(message instanceof Uint8Array)) return { seq: position, ...message }
      return { seq: position, bytes: message, subject: subjects.up(tenant, alpha), device: alpha }
    })
    return db.transaction(async (tx) =>
      processBatch(tx, {
        tenant,
        batch,
        known,
        created: 'now',
        hopeless: new Set(),
        applyWrite: async (_tx, _writer, { id }) => {
          applying(id)
          applied.push(id)
          return Promise.resolve()
        },
      }),
    )
  }
  const reasonsOf = (outcomes: readonly BatchOutcome[]): string[] =>
    outcomes.map((outcome) => (outcome.kind === 'quarantined' ? outcome.reason : outcome.kind))
  const countRecords = async (): Promise<number> =>
    (await db.query<{ n: number }>('select count(*) as n from ingest.record'))[0]?.n ?? -1

  it('stores records once and in order, applies each write once, and moves the cursor with them', async () => {
    const records = chain(10)
    expect(reasonsOf(await take(segment(records.slice(0, 4)), segment(records.slice(4))))).toEqual([
      'stored',
      'stored',
    ])
    expect(await countRecords()).toBe(10)
    expect(applied).toHaveLength(5)
    expect(await heldOf(db, tenant, alpha)).toMatchObject({ seq: 10, hash: records[9]?.hash, problem: null })
    expect(await readCursor(db, tenant)).toEqual({ created: 'now', seq: 2 })
  })

  it('takes the same segment twice for held, and only the new part of one that overlaps', async () => {
    const records = chain(8)
    expect(
      reasonsOf(
        await take(segment(records.slice(0, 4)), segment(records.slice(0, 4)), segment(records.slice(2))),
      ),
    ).toEqual(['stored', 'held', 'stored'])
    expect(await countRecords()).toBe(8)
    expect(applied).toHaveLength(4)
  })

  it('refuses a segment that comes before the ones it follows on, and takes it once they have come', async () => {
    const records = chain(8)
    const [first, second] = [segment(records.slice(0, 4)), segment(records.slice(4))]
    expect(reasonsOf(await take(second))).toEqual(['gap'])
    expect((await heldOf(db, tenant, alpha)).problem?.reason).toBe('gap')
    expect(reasonsOf(await take(first, second))).toEqual(['stored', 'stored'])
    expect(await countRecords()).toBe(8)
    const open = await db.query('select 1 as one from ingest.quarantine where not settled')
    expect(open).toHaveLength(0)
    expect((await heldOf(db, tenant, alpha)).problem).toBeNull()
  })

  it('takes a segment beyond a hole when a signed gap record names just that hole', async () => {
    const records = chain(6)
    await take(segment(records.slice(0, 2)))
    const later = chain(3, { seq: 8, hash: 'ab'.repeat(32) })
    const last = later.at(-1)
    const gapRecord = recordOf({
      seq: 12,
      prev: last?.hash ?? '',
      id: uuidV7(1, Buffer.from('gapgapgap0')),
      body: { kind: 'gap', from: 3, to: 8, reason: 'records_lost' },
    })
    const gapRun = { seal: sealOf([gapRecord], key, '2026-01-01T00:00:00.000Z'), records: [gapRecord] }
    expect(reasonsOf(await take(segment(later, { gapRun }), segment([gapRecord])))).toEqual([
      'stored',
      'stored',
    ])
    expect(await db.query('select from_seq, to_seq, reason from ingest.gap')).toEqual([
      { from_seq: 3, to_seq: 8, reason: 'records_lost' },
    ])
    expect((await heldOf(db, tenant, alpha)).seq).toBe(12)
  })

  it('sets aside every kind of bad message with its reason, and stores nothing of it', async () => {
    const records = chain(4)
    const [first] = records
    if (first === undefined) throw new Error('no record')
    const good = segment(records)
    const newer = Buffer.from(good)
    newer[3] = 0x32
    const unknown = parseDeviceId('nobody')
    const bomb = Buffer.concat([Buffer.from('SLS1'), deflateRawSync(Buffer.alloc(8 * 1024 * 1024))])
    const edited = records.map((record) =>
      record.seq === 2 ? { ...record, at: '2026-02-02T00:00:00.000Z' } : record,
    )
    const cases: readonly [string, Parameters<typeof take>[0]][] = [
      ['malformed', Buffer.from('nonsense')],
      ['malformed', Buffer.from('SLS1nonsense')],
      ['malformed', new Uint8Array(0)],
      ['malformed', good.subarray(0, good.length - 5)],
      ['oversized', Buffer.alloc(1_000_000)],
      ['oversized', bomb],
      ['unknown_version', newer],
      ['unknown_device', { bytes: good, subject: subjects.up(tenant, unknown), device: unknown }],
      ['unknown_device', { bytes: good, subject: 'up.acme.BAD.journal.seg', device: null }],
      ['wrong_device', { bytes: good, subject: subjects.up(tenant, beta), device: beta }],
      ['forged_seal', segment(records, {}, otherKey)],
      ['broken_chain', segment(records, { records: edited })],
      ['broken_chain', segment(records, { records: records.slice(0, 3) })],
      ['gap', segment(chain(2, { seq: 5, hash: first.hash }))],
    ]
    for (const [reason, message] of cases) expect(reasonsOf(await take(message))).toEqual([reason])
    expect(await countRecords()).toBe(0)
    const kept = await db.query<{ reason: string }>(
      'select distinct reason from ingest.quarantine order by reason',
    )
    expect(kept.map(({ reason }) => reason)).toEqual([...new Set(cases.map(([reason]) => reason))].sort())
    expect(reasonsOf(await take(good))).toEqual(['stored'])
  })

  it('refuses another history under numbers that are held, and one that does not follow on', async () => {
    const records = chain(4)
    await take(segment(records))
    expect(reasonsOf(await take(segment(chain(4))))).toEqual(['replayed'])
    expect(reasonsOf(await take(segment(chain(3, { seq: 4, hash: 'cd'.repeat(32) }))))).toEqual([
      'broken_chain',
    ])
    expect((await heldOf(db, tenant, alpha)).hash).toBe(records[3]?.hash)
  })

  it('keeps neither records nor cursor of a batch in which a write could not be applied', async () => {
    applying = () => {
      throw new Error('no such table')
    }
    await expect(take(segment(chain(4)))).rejects.toBeInstanceOf(ApplyFailed)
    expect(await countRecords()).toBe(0)
    expect((await readCursor(db, tenant)).seq).toBe(0)
  })

  it('counts one bad message that comes often as one', async () => {
    for (let times = 0; times < 5; times++) await take(Buffer.from('nonsense'))
    expect(await db.query('select reason, times from ingest.quarantine')).toEqual([
      { reason: 'malformed', times: 5 },
    ])
  })
})
