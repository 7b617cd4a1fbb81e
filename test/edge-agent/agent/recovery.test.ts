import { existsSync } from 'node:fs'
import { cp, open as openFile, readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLedger, type Ledger } from '../../../edge-agent/agent/ledger.ts'
import { databaseStatus } from '../../../edge-agent/agent/recovered.ts'
import { openLocalWrites } from '../../../edge-agent/context/local-writes.ts'
import { listRecords } from '../../../edge-agent/audit/record-views.ts'
import { storePolicy } from '../../../edge-agent/identity/held-policy.ts'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import { parseDeviceId, uuidV7 } from '../../../shared/ids.ts'
import { openLog } from '../../../shared/log.ts'
import { openMetrics } from '../../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import type { PolicyDocument } from '../../../shared/policy/policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { EmbeddedDatabase } from '../../../shared/sql/embedded-database.ts'
import { takeSnapshot } from '../../../shared/sql/recovery/snapshots.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { handClock, type HandClock } from '../../support/hand-clock.ts'

const signer = generateKeyPair()
const keyPair = generateKeyPair()
let folder: Awaited<ReturnType<typeof dataFolder>>
let clock: HandClock
let lines: string[]
const opened: Ledger[] = []

beforeEach(async () => {
  folder = await dataFolder('recovery')
  clock = handClock()
  lines = []
  follow({})
})
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.close()
  await folder.remove()
})

function follow(change: Partial<PolicyDocument>): void {
  const document = {
    ...fieldServicePolicy({ environment: 'development', version: 1, nowMs: clock.nowMs() }),
    ...change,
  }
  const keys = [signer.publicKey]
  const policy = openPolicy(signPolicy(document, [signer]), { keys, environment: 'development', held: null })
  storePolicy(folder.path, policy)
}

async function open(): Promise<Ledger> {
  const ledger = await openLedger({
    folder: folder.path,
    identity: {
      device: parseDeviceId('van-7'),
      keyPair,
      policyKeys: [signer.publicKey],
      environment: 'development',
    },
    clock,
    metrics: openMetrics(),
    signal: new AbortController().signal,
    log: openLog({ part: 'edge', clock, json: false, write: (line) => lines.push(line) }),
    onFatal: () => undefined,
  })
  opened.push(ledger)
  return ledger
}

async function close(ledger: Ledger): Promise<void> {
  opened.splice(opened.indexOf(ledger), 1)
  await ledger.close()
}

/** A note, acknowledged: its row, its overlay and its journal record. */
async function note({ journal }: Ledger, text: string): Promise<void> {
  const writes = openLocalWrites({ journal, clock })
  const of = uuidV7(clock.nowMs(), crypto.getRandomValues(new Uint8Array(10)))
  clock.advance(10)
  await journal.transaction(async (tx) => {
    const at = new Date(clock.nowMs()).toISOString()
    const patch = {
      workOrderId: null,
      assetId: null,
      text,
      writtenAt: at,
      writtenBy: 'amara',
      withdrawn: false,
    }
    await writes.record(tx, of, { table: 'note', key: of, patch })
  })
}

async function notes({ db }: Ledger): Promise<readonly string[]> {
  const rows = await db.query<{ text: string }>(
    `select body->>'text' as text from context.current where tbl = 'note' order by key`,
  )
  return rows.map(({ text }) => text)
}

async function snapshot({ db }: Ledger): Promise<void> {
  const place = join(folder.path, 'database/snapshots')
  await (db as EmbeddedDatabase).whileStill(async (still) => await takeSnapshot(place, still, clock))
}

const pgdata = (): string => join(folder.path, 'database/pgdata')

async function expectTold(ledger: Ledger, rung: string): Promise<void> {
  const records = await listRecords(ledger.journal, 10)
  expect(records.map(({ summary }) => summary).join('\n')).toMatch(
    /device van-7 asked for database\.recovered on database van-7: permit/,
  )
  expect(lines.join('\n')).toMatch(/database/)
  const status = await databaseStatus(folder.path, null)
  expect(status?.recovery).toMatchObject({ rung })
  const verified = await verifyJournal(ledger.db, keyPair.publicKey)
  expect(verified.fault).toBeNull()
}

// Each opens the database some times, with real syncs.
describe('a device whose database was damaged', { timeout: 120_000 }, () => {
  it('has every acknowledged change again after its snapshot is taken, sends what is not sent, and says so', async () => {
    const first = await open()
    await note(first, 'before')
    await first.journal.sealNext()
    await first.db.query(
      `insert into context.shape (tbl, handle, place, columns) values ('note', 'h', '7_0', '{}')`,
    )
    await snapshot(first)
    await note(first, 'after')
    await first.journal.sealNext()
    await first.journal.pruneShipped(1)
    await note(first, 'last')
    const before = await first.journal.head()
    await close(first)
    await rm(join(pgdata(), 'global/pg_control'))

    const second = await open()
    expect(await notes(second)).toEqual(['before', 'after', 'last'])
    const [kept] = await second.journal.read({ from: before.seq, limit: 1 })
    expect(kept?.hash).toBe(before.hash)
    expect((await second.journal.unshipped()).from).toBe(2)
    expect(await second.db.query('select * from context.shape')).toEqual([])
    await expectTold(second, 'snapshot')
    expect(existsSync(join(folder.path, 'database/pgdata.damaged'))).toBe(true)
    await note(second, 'new')
    await close(second)
    const third = await open()
    expect(await notes(third)).toEqual(['before', 'after', 'last', 'new'])
    const told = (await listRecords(third.journal, 50)).filter(({ summary }) =>
      summary.includes('database.recovered'),
    )
    expect(told).toHaveLength(1)
  })

  it('begins with a fresh database when there is no snapshot, and loses no change that the centre has not heard', async () => {
    const first = await open()
    await note(first, 'one')
    await note(first, 'two')
    await close(first)
    await rm(pgdata(), { recursive: true })
    const second = await open()
    expect(await notes(second)).toEqual(['one', 'two'])
    await expectTold(second, 'template')
  })

  it('is not content with a database that opens and lacks what was acknowledged: its log was torn', async () => {
    const first = await open()
    await note(first, 'one')
    await snapshot(first)
    await cp(pgdata(), join(folder.path, 'earlier'), { recursive: true })
    await note(first, 'two')
    await close(first)
    await rm(pgdata(), { recursive: true })
    await cp(join(folder.path, 'earlier'), pgdata(), { recursive: true })
    const second = await open()
    expect(await notes(second)).toEqual(['one', 'two'])
    await expectTold(second, 'snapshot')
  })

  it('goes on when the stop came between the commit and the journal file', async () => {
    const first = await open()
    await note(first, 'one')
    await note(first, 'two')
    await close(first)
    const place = join(folder.path, 'journal')
    const [name = ''] = await readdir(place)
    const file = await openFile(join(place, name), 'r+')
    const { size } = await file.stat()
    await file.close()
    await truncate(join(place, name), size - 20)
    const second = await open()
    expect(await notes(second)).toEqual(['one', 'two'])
    expect((await databaseStatus(folder.path, null))?.recovery).toBeNull()
    await close(second)
    await rm(pgdata(), { recursive: true })
    expect(await notes(await open())).toEqual(['one', 'two'])
  })

  it('leaves its recovery in the journal as refused under a policy that does not know of it, and works', async () => {
    follow({ rules: [] })
    const first = await open()
    await note(first, 'one')
    await close(first)
    await rm(pgdata(), { recursive: true })
    const second = await open()
    expect(await notes(second)).toEqual(['one'])
    const [told] = await listRecords(second.journal, 1)
    expect(told?.summary).toMatch(/database\.recovered on database van-7: deny|denied/)
  })
})
