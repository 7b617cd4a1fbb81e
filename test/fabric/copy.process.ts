/**
 * A device's copy of one table in a process of its own, to be killed: Starling's, or the one that `@electric-sql/pglite-sync` keeps,
 * as the known-bad control. Says each time the marker row changes how many rows are not of the marker's round.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { electricSync } from '@electric-sql/pglite-sync'
import { migrate } from '../../edge-agent/agent/migrations.ts'
import { ContextSync } from '../../edge-agent/context/sync.ts'
import { systemClock } from '../../shared/clock.ts'
import { openJournal } from '../../shared/journal/journal.ts'
import { createKernel } from '../../shared/kernel/kernel.ts'
import { openLog } from '../../shared/log.ts'
import { openMetrics } from '../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy } from '../../shared/policy/signed-policy.ts'
import { generateKeyPair, loadKeyPair } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { mintShapeToken } from '../../shared/wire/shape-token.ts'
import { CopySetup, MARKER } from './copy-setup.ts'
import { readSetup, say } from './setup.ts'

interface Standing {
  readonly marker: string
  readonly rows: number
  readonly stale: number
}

const STANDING = (table: string, name: string): string =>
  `select m.marker, count(*)::int8 as rows, count(*) filter (where ${name} is distinct from m.marker)::int8 as stale
   from ${table} r, (select ${name} as marker from ${table} where key = '${MARKER}') m where key <> '${MARKER}' group by 1`
const COLUMNS = ['tenant', 'tbl', 'key', 'site', 'device', 'version', 'write_id', 'body']
const SETTLED_LOOKS = 5
const LOOK_EVERY_MS = 40

async function keepOurs(setup: CopySetup): Promise<void> {
  const db = await openDatabase({ dir: setup.dir })
  await migrate(db)
  const key = loadKeyPair(setup.key)
  const journal = await openJournal({ db, origin: setup.device, key, clock: systemClock })
  const signer = generateKeyPair()
  const document = fieldServicePolicy({ environment: 'development', version: 1, nowMs: Date.now() })
  const trust = { keys: [signer.publicKey], environment: 'development', held: null } as const
  const policy = openPolicy(signPolicy(document, [signer]), trust)
  const metrics = openMetrics()
  const kernel = await createKernel({ db, journal, policy: () => policy, clock: systemClock, metrics })
  const look = async (): Promise<void> => {
    const [standing] = await db.query<{ marker: string; rows: number; stale: number }>(
      STANDING(`(select * from context.row where tbl = 'part')`, `body->>'name'`),
    )
    if (standing !== undefined) say({ ...standing })
  }
  const sync = await ContextSync.open({
    db,
    kernel,
    principal: { kind: 'device', id: setup.device, roles: ['device'] },
    source: {
      baseUrl: setup.url,
      fetch,
      token: () => mintShapeToken(key, { tenant: setup.tenant, device: setup.device }, Date.now()),
    },
    clock: systemClock,
    log: openLog({
      part: 'copy',
      clock: systemClock,
      json: false,
      write: (line) => process.stderr.write(`${line}\n`),
    }),
    metrics,
    tables: ['part'],
    random: () => randomBytes(1).readUInt8() / 256,
    onApplied: () => void look(),
  })
  await look()
  sync.start()
}

async function keepControl(setup: CopySetup): Promise<void> {
  const pg = await PGlite.create({ dataDir: setup.dir, extensions: { electric: electricSync() } })
  await pg.exec(
    `create table if not exists copy (tenant text, tbl text, key text, site text, device text, version int8, write_id text, body jsonb,
       primary key (tenant, tbl, key))`,
  )
  await pg.electric.syncShapeToTable({
    shape: {
      url: `${setup.url}/v1/shape`,
      params: { table: 'ops.row', where: `tbl = 'part'`, columns: COLUMNS },
    },
    table: 'copy',
    primaryKey: ['tenant', 'tbl', 'key'],
    shapeKey: 'copy',
  })
  let told = ''
  let before = ''
  let same = 0
  for (;;) {
    const { rows } = await pg.query<Standing>(STANDING('copy', `body->>'name'`))
    const [standing] = rows
    const text = JSON.stringify(standing ?? null)
    same = text === before ? same + 1 : 0
    before = text
    // What is still being applied gets its time.
    if (standing !== undefined && same === SETTLED_LOOKS && text !== told) {
      told = text
      say({ ...standing })
    }
    await delay(LOOK_EVERY_MS)
  }
}

const setup = readSetup(CopySetup, process.argv[2])
process.stdin.on('end', () => process.exit(0)).resume()
await (setup.kind === 'starling' ? keepOurs(setup) : keepControl(setup))
