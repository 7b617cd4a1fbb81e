import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { measuredFile } from '../../../rollout/bundle/compose.ts'
import { canonicalBytes } from '../../../shared/canonical.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { openSchemaBundle, type SchemaBundle } from '../../../edge-agent/schema/schema-bundle.ts'
import { openJournal } from '../../../shared/journal/journal.ts'
import type { Kernel } from '../../../shared/kernel/contract.ts'
import { createKernel } from '../../../shared/kernel/kernel.ts'
import { openLog } from '../../../shared/log.ts'
import { openMetrics } from '../../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { signEnvelope } from '../../../shared/signing/envelope.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import { BUNDLE_PAYLOAD_TYPE } from '../../../shared/wire/bundle.ts'
import type { SchemaStep } from '../../../shared/wire/schema-steps.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { handClock } from '../../support/hand-clock.ts'
import { wholeManifest } from '../../support/whole-bundle.ts'

const release = generateKeyPair()
const clock = handClock()

const ADD: SchemaStep = {
  number: 1,
  kind: 'expand',
  name: 'add-site-note',
  statements: [
    'create table context.site_note (id text primary key, text text not null)',
    'alter table context.site_note add column stars integer',
    `insert into context.site_note (id, text, stars) values ('a', 'first', 3)`,
  ],
}
const REPLACE: SchemaStep = {
  number: 2,
  kind: 'expand',
  name: 'add-rating',
  statements: [
    'alter table context.site_note add column rating numeric',
    'update context.site_note set rating = stars * 2',
  ],
}
const DROP: SchemaStep = {
  number: 3,
  kind: 'contract',
  name: 'drop-stars',
  removes: ['site_note.stars'],
  statements: ['alter table context.site_note drop column stars'],
}

let folder: Awaited<ReturnType<typeof dataFolder>>
let db: Database
let kernel: Kernel
let active: 'a' | 'b'
beforeEach(async () => {
  folder = await dataFolder('schema')
  db = await openDatabase({ dir: join(folder.path, 'database') })
  await migrate(db)
  kernel = await kernelOver(db)
  active = 'a'
})
afterEach(async () => {
  await db.close()
  await folder.remove()
})

async function kernelOver(database: Database): Promise<Kernel> {
  const signer = generateKeyPair()
  const document = fieldServicePolicy({ environment: 'development', version: 1, nowMs: clock.nowMs() })
  const policy = openPolicy(signPolicy(document, [signer]), {
    keys: [signer.publicKey],
    environment: 'development',
    held: null,
  })
  const journal = await openJournal({ db: database, origin: 'van-7', key: generateKeyPair(), clock })
  return await createKernel({ db: database, journal, policy: () => policy, clock, metrics: openMetrics() })
}

function bundle(
  over: { readonly db?: Database; readonly kernel?: Kernel; readonly ownUses?: readonly string[] } = {},
): SchemaBundle {
  return openSchemaBundle({
    db: over.db ?? db,
    kernel: over.kernel ?? kernel,
    principal: { kind: 'device', id: 'van-7', roles: ['device'] },
    clock,
    log: openLog({ part: 'edge', clock, json: false, write: () => undefined }),
    slots: {
      folder: (_name, slot) => slotDir(slot),
      pointer: async () => ({
        v: 1,
        active: { slot: active, version: '1.0.0', envelopeSha256: '0'.repeat(64) },
        previous: null,
        committed: true,
      }),
    },
    trust: { releaseKeys: [release.publicKey], threshold: 1 },
    ownUses: over.ownUses ?? [],
  })
}

const slotDir = (slot: 'a' | 'b'): string => join(folder.path, 'slots', slot)

/** Fills a slot with a signed list. */
async function fill(
  slot: 'a' | 'b',
  version: string,
  list: {
    readonly uses: readonly string[]
    readonly steps: readonly SchemaStep[]
    /** Of its golden set. */
    readonly added?: readonly string[]
  },
  key = release,
): Promise<string> {
  const dir = slotDir(slot)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const bytes = Buffer.from(JSON.stringify({ v: 1, uses: list.uses, steps: list.steps }))
  const golden = Buffer.from(JSON.stringify({ v: 1, added: list.added ?? [], removed: [] }))
  const whole = wholeManifest([measuredFile('schema-steps.json', bytes)], {
    name: 'schema',
    kind: 'schema',
    version,
  })
  const others = whole.files.filter(({ path }) => path !== 'golden.json')
  const manifest = { ...whole, files: [...others, measuredFile('golden.json', golden)] }
  const envelope = signEnvelope(BUNDLE_PAYLOAD_TYPE, canonicalBytes(manifest), [key])
  await writeFile(join(dir, 'schema-steps.json'), bytes)
  await writeFile(join(dir, 'golden.json'), golden)
  await writeFile(join(dir, 'manifest.dsse.json'), JSON.stringify(envelope))
  return dir
}

/** The form of the table, and the steps that the database says it took. */
async function form(sql: Queryable): Promise<string> {
  const columns = await sql.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = to_regclass('context.site_note')
       and attnum > 0 and not attisdropped order by attnum`,
  )
  const steps = await sql.query<{ number: number }>('select number from device.schema_step order by number')
  return `${columns.map(({ name }) => name).join(',')}|${steps.map(({ number }) => number).join(',')}`
}

describe('a signed list of schema steps', () => {
  it('expands at once, and contracts only when no version in a slot uses the old form', async () => {
    await bundle().confirm(await fill('a', '1.0.0', { uses: ['site_note.stars'], steps: [ADD] }))
    expect(await form(db)).toBe('id,text,stars|1')
    active = 'b'
    const next = await fill('b', '2.0.0', { uses: ['site_note.rating'], steps: [ADD, REPLACE, DROP] })
    await bundle().smoke(next)
    expect(await form(db)).toBe('id,text,stars|1')
    await bundle().confirm(next)
    // Version 1.0.0 lies in slot a and may run again.
    expect(await form(db)).toBe('id,text,stars,rating|1,2')
    expect(await db.query('select rating from context.site_note')).toEqual([{ rating: 6 }])
    active = 'a'
    await bundle().confirm(
      await fill('a', '3.0.0', { uses: ['site_note.rating'], steps: [ADD, REPLACE, DROP] }),
    )
    expect(await form(db)).toBe('id,text,rating|1,2,3')
    await bundle().settle()
    expect(await form(db)).toBe('id,text,rating|1,2,3')
  })

  it('removes nothing that the program itself uses', async () => {
    const dir = await fill('a', '1.0.0', { uses: [], steps: [ADD, REPLACE, DROP] })
    await bundle({ ownUses: ['site_note.stars'] }).confirm(dir)
    expect(await form(db)).toBe('id,text,stars,rating|1,2')
  })

  it('removes nothing while a version in a slot cannot be read', async () => {
    await bundle().confirm(await fill('a', '1.0.0', { uses: ['site_note.stars'], steps: [ADD] }))
    const manifest = join(slotDir('a'), 'manifest.dsse.json')
    await rm(manifest)
    await mkdir(manifest)
    active = 'b'
    const next = await fill('b', '2.0.0', { uses: ['site_note.rating'], steps: [ADD, REPLACE, DROP] })
    await expect(bundle().confirm(next)).rejects.toMatchObject({ code: 'EISDIR' })
    expect(await form(db)).toBe('id,text,stars|1')
  })

  it('goes back to the version before over what was added', async () => {
    const before = await fill('a', '1.0.0', { uses: ['site_note.stars'], steps: [ADD] })
    await bundle().confirm(before)
    await bundle().confirm(await fill('b', '2.0.0', { uses: ['site_note.rating'], steps: [ADD, REPLACE] }))
    await bundle().confirm(before)
    expect(await form(db)).toBe('id,text,stars,rating|1,2')
  })

  it('is refused unsigned, signed by another, edited after the signature, changed or cut behind what was taken', async () => {
    const other = await fill('a', '1.0.0', { uses: [], steps: [ADD] }, generateKeyPair())
    await expect(bundle().smoke(other)).rejects.toMatchObject({ code: 'schema_unsigned' })
    const bare = await fill('a', '1.0.0', { uses: [], steps: [ADD] })
    await rm(join(bare, 'manifest.dsse.json'))
    await expect(bundle().confirm(bare)).rejects.toMatchObject({ code: 'schema_unsigned' })
    const edited = await fill('a', '1.0.0', { uses: [], steps: [ADD] })
    await writeFile(join(edited, 'schema-steps.json'), JSON.stringify({ v: 1, uses: [], steps: [] }))
    await expect(bundle().confirm(edited)).rejects.toMatchObject({ code: 'schema_edited' })
    const reordered = await fill('a', '1.0.0', { uses: [], steps: [REPLACE, ADD] })
    await expect(bundle().confirm(reordered)).rejects.toMatchObject({ code: 'schema_reordered' })
    expect(await form(db)).toBe('|')

    await bundle().confirm(await fill('a', '1.0.0', { uses: [], steps: [ADD, REPLACE, DROP] }))
    const changed = { ...ADD, statements: ADD.statements.slice(0, 2) }
    const other2 = await fill('a', '1.1.0', { uses: [], steps: [changed, REPLACE, DROP] })
    await expect(bundle().confirm(other2)).rejects.toMatchObject({ code: 'schema_edited' })
    const cut = await fill('a', '1.1.0', { uses: [], steps: [ADD, REPLACE] })
    await expect(bundle().confirm(cut)).rejects.toMatchObject({ code: 'schema_unknown' })
    expect(await form(db)).toBe('id,text,rating|1,2,3')
  })

  it('is refused by its smoke test when a step does not run, and nothing of it stays', async () => {
    const bad = { ...REPLACE, statements: ['alter table context.nowhere add column x integer'] }
    const dir = await fill('a', '1.0.0', { uses: [], steps: [ADD, bad] })
    await expect(bundle().smoke(dir)).rejects.toMatchObject({ sqlState: '42P01' })
    expect(await form(db)).toBe('|')
  })

  it('is refused by its smoke test when its steps make another form here than when they were tried', async () => {
    const added = ['context.site_note.id text', 'context.site_note.stars integer']
    await bundle().smoke(await fill('a', '1.0.0', { uses: [], steps: [ADD], added }))
    const other = await fill('a', '1.0.0', {
      uses: [],
      steps: [ADD],
      added: ['context.site_note.stars text'],
    })
    await expect(bundle().smoke(other)).rejects.toMatchObject({ code: 'schema_other_form' })
    await writeFile(join(other, 'golden.json'), '{"v":1,"added":[],"removed":[]}')
    await expect(bundle().smoke(other)).rejects.toMatchObject({ code: 'schema_edited' })
    expect(await form(db)).toBe('|')
  })

  it('leaves exactly the old form or exactly the new one when it is killed after any statement', async () => {
    await bundle().confirm(await fill('a', '1.0.0', { uses: [], steps: [ADD] }))
    const images: string[] = []
    const statements = new Set([...REPLACE.statements, ...DROP.statements])
    const image = async (): Promise<void> => {
      const dir = join(folder.path, `image-${images.length}`)
      await cp(join(folder.path, 'database/pgdata'), join(dir, 'pgdata'), { recursive: true })
      images.push(dir)
    }
    // What lies on the disk at that moment is what a kill would leave.
    const watched: Database = {
      query: async (text, params) => await db.query(text, params),
      script: async (text) => await db.script(text),
      checkpoint: async () => await db.checkpoint(),
      close: async () => await db.close(),
      transaction: async (work) =>
        await db.transaction(
          async (tx) =>
            await work({
              kind: 'transaction',
              query: async (text, params) => {
                const rows = await tx.query(text, params)
                if (statements.has(text) || text.includes('schema_step')) await image()
                return rows as never
              },
            }),
        ),
    }
    const over = { db: watched, kernel: await kernelOver(watched) }
    await bundle(over).confirm(await fill('a', '2.0.0', { uses: [], steps: [ADD, REPLACE, DROP] }))
    await image()
    const forms: string[] = []
    for (const dir of images) {
      const opened = await openDatabase({ dir })
      forms.push(await form(opened))
      await opened.close()
    }
    const [old, half, fresh] = ['id,text,stars|1', 'id,text,stars,rating|1,2', 'id,text,rating|1,2,3']
    expect(forms).toEqual([old, old, old, half, half, fresh])
  })
})

describe("the program's own steps", () => {
  it('are refused when the database took one that this program does not know, or another in its place', async () => {
    const other = await openDatabase({ dir: join(folder.path, 'other') })
    await migrate(other, ['create table public.first (n int)', 'create table public.second (n int)'])
    await migrate(other, ['create table public.first (n int)', 'create table public.second (n int)'])
    await expect(migrate(other, ['create table public.first (n int)'])).rejects.toMatchObject({
      code: 'migration_unknown',
    })
    await expect(
      migrate(other, ['create table public.first (n bigint)', 'create table public.second (n int)']),
    ).rejects.toMatchObject({ code: 'migration_edited' })
    await other.close()
  })
})
