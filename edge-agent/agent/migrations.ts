/** The device's database, step by step: each step once, in one transaction with the note that it was taken. */
import type { Database } from '../../shared/sql/port.ts'
import { CONSENT_SQL } from '../adaptation/consent.ts'
import { undoByWritesSql, undoSql } from '../actions/undo.ts'
import { CONTEXT_SCHEMA, SHAPE_SYNC_SCHEMA } from '../context/schema.ts'
import { WRITES_SQL } from '../context/writes-schema.ts'
import { turnMemorySql } from '../memory/turn-memory.ts'

/** Only ever added to. */
const STEPS: readonly string[] = [
  CONTEXT_SCHEMA,
  turnMemorySql,
  undoSql,
  CONSENT_SQL,
  WRITES_SQL,
  undoByWritesSql,
  SHAPE_SYNC_SCHEMA,
]

export async function migrate(db: Database): Promise<void> {
  await db.script(`
    create schema if not exists device;
    create table if not exists device.migration (step integer primary key);
  `)
  const rows = await db.query<{ step: number }>('select step from device.migration')
  const taken = new Set(rows.map(({ step }) => step))
  for (const [step, text] of STEPS.entries()) {
    if (taken.has(step)) continue
    await db.transaction(async (tx) => {
      for (const statement of statementsOf(text)) await tx.query(statement)
      await tx.query('insert into device.migration (step) values ($1)', [step])
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
