/** The device's database, step by step: each step once, in one transaction with the note that it was taken. */
import { digestOf } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Database } from '../../shared/sql/port.ts'
import { CONSENT_SQL } from '../adaptation/consent.ts'
import { undoByWritesSql, undoSql } from '../actions/undo.ts'
import { CONTEXT_SCHEMA, SHAPE_SYNC_SCHEMA } from '../context/schema.ts'
import { WRITES_SQL } from '../context/writes-schema.ts'
import { turnMemorySql } from '../memory/turn-memory.ts'
import { SCHEMA_STEPS_SQL } from '../schema/schema-bundle.ts'
import { SEARCH_SCHEMA, VECTOR_SCHEMA_SQL } from '../search/schema.ts'

/** Only ever added to. */
const STEPS: readonly string[] = [
  CONTEXT_SCHEMA,
  turnMemorySql,
  undoSql,
  CONSENT_SQL,
  WRITES_SQL,
  undoByWritesSql,
  SHAPE_SYNC_SCHEMA,
  SCHEMA_STEPS_SQL,
  SEARCH_SCHEMA,
  VECTOR_SCHEMA_SQL,
]

/** What readers and writers in this program use: no signed step may remove it. */
export const OWN_FORMS: readonly string[] = [
  'context.row',
  'context.current',
  'local.overlay',
  'local.undo',
  'memory.turn',
  'speech.consent',
  'search.source',
  'search.chunk',
  'search.passage',
  'search.stamp',
  'search.vector',
  'graph.node',
  'graph.edge',
]

/** The database was made by another program than this one: a newer one, or one whose steps were changed. */
export class MigrationRefused extends StarlingError {
  override readonly code: string

  constructor(reason: 'unknown' | 'edited', step: number) {
    super(
      reason === 'unknown'
        ? `the database took step ${step}, which this version of Starling does not know`
        : `step ${step} of the database is not the one that this version of Starling has`,
      { remedy: 'Start the version of Starling that ran before, or a newer one.', details: { step } },
    )
    this.code = `migration_${reason}`
  }
}

/** Takes what is open of the program's own steps. Throws {@link MigrationRefused} before anything is changed. */
export async function migrate(db: Database, steps: readonly string[] = STEPS): Promise<void> {
  await db.script(`
    create schema if not exists device;
    create table if not exists device.migration (step integer primary key);
    alter table device.migration add column if not exists digest text;
  `)
  const rows = await db.query<{ step: number; digest: string | null }>(
    'select step, digest from device.migration order by step',
  )
  for (const { step, digest } of rows) {
    const text = steps[step]
    if (text === undefined) throw new MigrationRefused('unknown', step)
    if (digest !== null && digest !== digestOf(text)) throw new MigrationRefused('edited', step)
  }
  const taken = new Set(rows.map(({ step }) => step))
  for (const [step, text] of steps.entries()) {
    if (taken.has(step)) continue
    await db.transaction(async (tx) => {
      for (const statement of statementsOf(text)) await tx.query(statement)
      await tx.query('insert into device.migration (step, digest) values ($1, $2)', [step, digestOf(text)])
    })
  }
}

/** Steps hold plain DDL: no semicolon inside a statement. */
function statementsOf(text: string): readonly string[] {
  return text
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement.length > 0)
}
