import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applyWrite, type WriteOutcome } from '../../../control-plane/context/apply-write.ts'
import { INGEST_SCHEMA } from '../../../control-plane/ingest/schema.ts'
import { openLocalWrites } from '../../../edge-agent/context/local-writes.ts'
import {
  ContextVersionRefused,
  OWN_FORM,
  stepFor,
  type ContextForm,
} from '../../../shared/context/version.ts'
import { parseDeviceId, parseSiteId, uuidV7 } from '../../../shared/ids.ts'
import type { JournalRecord, WriteBody } from '../../../shared/journal/record.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { openPostgres } from '../../../shared/sql/postgres-database.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { openCentreStage, openCopy, tenant, type CentreStage, type CopyStage } from './stage.ts'

const writer = { tenant, site: parseSiteId('north'), device: parseDeviceId('device-1') }

/** Version 2 of a note: `words` is called `text`, `written` is split into when and by whom, `withdrawn` is new. */
const SECOND: ContextForm = {
  version: 2,
  steps: [
    {
      to: 2,
      tables: {
        note: {
          down: ({ text = '', writtenAt, writtenBy, withdrawn: _new, ...rest }) => ({
            ...rest,
            words: text,
            written: [writtenAt, writtenBy].filter((one) => typeof one === 'string').join(' '),
          }),
          up: ({ words, written, ...rest }) => {
            const [writtenAt = '', writtenBy = ''] = typeof written === 'string' ? written.split(' ') : []
            return {
              ...rest,
              ...(words === undefined ? {} : { text: words }),
              ...(written === undefined ? {} : { writtenAt, writtenBy, withdrawn: false }),
            }
          },
        },
      },
    },
  ],
}
const THIRD: ContextForm = { version: 3, steps: [...SECOND.steps, { to: 3, tables: {} }] }

const OLD_NOTE = {
  workOrderId: null,
  assetId: null,
  words: 'hums',
  written: '2026-06-01T00:00:00.000Z amara',
}

describe('which versions a centre serves', () => {
  it('V1: its own and the one before, and no other, with both versions and what to do', () => {
    expect(stepFor(OWN_FORM)).toBeNull()
    expect(stepFor(SECOND, 2)).toBeNull()
    expect(stepFor(SECOND)?.to).toBe(2)
    expect(stepFor(THIRD, 2)?.to).toBe(3)
    expect(() => stepFor(THIRD, 1)).toThrow(ContextVersionRefused)
    expect(() => stepFor(SECOND, 3)).toThrow('version 3 of the context, the centre serves versions 1 and 2')
    expect(() => stepFor(OWN_FORM, 2)).toThrow('the centre serves version 1')
    expect(() => stepFor({ version: 2, steps: [] }, 1)).toThrow('the centre serves version 2')
    const remedyOf = (said: number): string => new ContextVersionRefused(said, THIRD).remedy
    expect([remedyOf(1), remedyOf(4)]).toEqual(['Update the device.', 'Update the centre.'])
  })
})

const bin = await postgresPrograms()

describe.each(bin === null ? ['PGlite'] : ['PGlite', 'PostgreSQL'])(
  'a centre of version 2 over %s',
  (kind) => {
    let server: PostgresServer | null = null
    let centre: CentreStage
    let copy: CopyStage
    beforeAll(async () => {
      if (kind === 'PostgreSQL' && bin !== null) server = await startPostgres(bin)
      const db = server === null ? null : await openPostgres({ url: server.url, name: 'centre' })
      centre = await openCentreStage({ form: SECOND, ...(db === null ? {} : { db }) })
      await centre.db.script(INGEST_SCHEMA)
      await centre.put('note', 'n1', 'leaks')
      await centre.put('asset', 'a1', 'pump')
      copy = await openCopy(centre, undefined, undefined, 1)
    }, 60_000)
    afterAll(async () => {
      await copy.close()
      await centre.close()
      await server?.stop()
    })

    /** A row once the copy stands where the centre stands. */
    const held = async (key: string): Promise<JsonObject | undefined> => {
      await centre.shapes.caughtUp()
      const [at] = await centre.db.query<{ lsn: string }>(
        'select published::text as lsn from starling_shapes.progress',
      )
      const found = await copy.sync.at(
        BigInt(at?.lsn ?? 0),
        async () =>
          await copy.governed.db.query<{ body: JsonObject }>(
            'select body from context.current where key = $1',
            [key],
          ),
        AbortSignal.timeout(20_000),
      )
      return found?.[0]?.body
    }
    const take = async (body: Partial<WriteBody>): Promise<WriteOutcome> => {
      const of = uuidV7(Date.now(), randomBytes(10))
      const patch = JSON.stringify(OLD_NOTE)
      const whole: WriteBody = { kind: 'write', of, table: 'note', key: of, patch, baseVersion: 0, ...body }
      const id = uuidV7(Date.now(), randomBytes(10))
      return await centre.db.transaction(
        async (tx) => await applyWrite(tx, writer, { id, body: whole }, SECOND),
      )
    }
    const bodyAtCentre = async (words: string): Promise<JsonObject | undefined> => {
      const [row] = await centre.db.query<{ body: JsonObject }>(
        `select body from ops.row where tbl = 'note' and body->>'text' = $1`,
        [words],
      )
      return row?.body
    }

    it('V2: gives a device of version 1 its rows, and changes of them while it waits, as it knows them', async () => {
      const written = '2026-06-01T00:00:00.000Z amara'
      expect(await held('n1')).toEqual({ workOrderId: null, assetId: null, words: 'leaks', written })
      expect(await held('a1')).toMatchObject({ name: 'pump' })
      await centre.put('note', 'n1', 'leaks a lot')
      await centre.put('note', 'n2', 'hot')
      expect(await held('n1')).toEqual({ workOrderId: null, assetId: null, words: 'leaks a lot', written })
      expect(await held('n2')).toMatchObject({ words: 'hot' })
      await centre.remove('note', 'n2')
      expect(await held('n2')).toBeUndefined()
    })

    it('V2: takes writes of version 1 and of version 2, a change as well as a new row', async () => {
      expect(await take({})).toMatchObject({ kind: 'applied' })
      expect(await bodyAtCentre('hums')).toMatchObject({ writtenBy: 'amara', withdrawn: false })
      const [row] = await centre.db.query<{ key: string; version: number }>(
        `select key, version from ops.row where tbl = 'note' and body->>'text' = 'hums'`,
      )
      const change = { key: row?.key ?? '', baseVersion: row?.version ?? 0, base: '{"words":"hums"}' }
      expect(await take({ ...change, patch: '{"words":"whistles"}' })).toMatchObject({ kind: 'applied' })
      expect(await held(change.key)).toMatchObject({ words: 'whistles' })
      const [now] = await centre.db.query<{ version: number }>('select version from ops.row where key = $1', [
        change.key,
      ])
      const second = { ...change, baseVersion: now?.version ?? 0, base: '{"text":"whistles"}' }
      const patch = '{"text":"is still"}'
      expect(await take({ ...second, patch, contextVersion: 2 })).toMatchObject({ kind: 'applied' })
      expect(await held(change.key)).toMatchObject({ words: 'is still' })
      const refused = await take({ contextVersion: 3 })
      expect(refused).toMatchObject({ kind: 'rejected', code: 'version' })
      expect(JSON.stringify(refused)).toContain('versions 1 and 2. Update the centre.')
    })

    it('V3: refuses another version; the device keeps its copy, shows why, and logs it once', async () => {
      await held('n1')
      let asked = 0
      const counting: typeof fetch = async (input, init) => {
        asked += 1
        return await centre.fetch(new Request(input, init))
      }
      copy = await copy.again(counting, 3)
      await expect.poll(() => copy.sync.status().tables.every(({ state }) => state === 'waiting')).toBe(true)
      expect(copy.sync.status().refusal).toBe(
        'the device has version 3 of the context, the centre serves versions 1 and 2. Update the centre.',
      )
      expect(asked).toBe(4)
      expect(copy.logged.filter((line) => line.includes('the context waits'))).toHaveLength(1)
      const rows = await copy.governed.db.query(`select 1 from context.row where key = 'n1'`)
      expect(rows).toHaveLength(1)
    })

    it('V4: a device that is updated fetches once, under another handle, and its unsent writes stay', async () => {
      copy = await copy.again(async (input, init) => await centre.fetch(new Request(input, init)), 1)
      await held('n1')
      const handle = (): string | null | undefined =>
        copy.sync.status().tables.find(({ table }) => table === 'note')?.handle
      const before = handle()
      const { journal, clock } = copy.governed
      const writes = openLocalWrites({ journal, clock, contextVersion: 1 })
      const of = uuidV7(Date.now(), randomBytes(10))
      const patch = {
        workOrderId: null,
        assetId: null,
        text: 'unsent',
        writtenAt: '2026-06-01T00:00:00.000Z',
        writtenBy: 'amara',
        withdrawn: false,
      }
      await journal.transaction(async (tx) => await writes.record(tx, of, { table: 'note', key: of, patch }))
      copy = await copy.again(undefined, 2)
      expect(await held('n1')).toMatchObject({ text: 'leaks a lot', writtenBy: 'amara' })
      expect(await held(of)).toMatchObject({ text: 'unsent' })
      expect(handle()).not.toBe(before)
      expect(copy.sync.status().tables.map(({ refetches }) => refetches)).toEqual([1, 1, 1, 1])
      expect(copy.sync.status().refusal).toBeNull()
      const isWrite = (record: JournalRecord): record is JournalRecord & { readonly body: WriteBody } =>
        record.body.kind === 'write'
      const [record] = (await journal.read({ from: 1, limit: 1_000 })).filter(isWrite)
      if (record === undefined) throw new Error('the write is lost')
      await centre.db.transaction(async (tx) => await applyWrite(tx, writer, record, SECOND))
      await held(of)
      const left = await copy.governed.db.query('select 1 from local.overlay')
      expect(left).toEqual([])
      expect(await held(of)).toMatchObject({ text: 'unsent' })
      await held('n1')
      copy = await copy.again(undefined, 2)
      await held('n1')
      expect(copy.sync.status().tables.every(({ refetches }) => refetches === 0)).toBe(true)
    })

    it('V4: of two versions neither is answered from the other’s log', async () => {
      // One device has one version at a time: what follows speaks for it alone.
      await copy.sync.stop()
      const ask = async (query: string): Promise<Response> =>
        await centre.fetch(
          new Request(`http://centre.invalid/v1/shapes/note?${query}`, {
            headers: { authorization: `Bearer ${centre.token()}` },
          }),
        )
      const first = await ask('offset=-1')
      const handle = first.headers.get('electric-handle') ?? ''
      expect(await first.text()).toContain('words')
      expect((await ask(`offset=0_0&handle=${handle}&context_version=2`)).status).toBe(409)
      for (const version of ['0', '-1', 'two', '99999999'])
        expect((await ask(`offset=-1&context_version=${version}`)).status).toBe(400)
    })
  },
)
