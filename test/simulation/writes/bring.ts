/** Brings a device's copy to where a centre is, without a network: what a shape would tell is made here, and applied as it is there. */
import { prepareBatch } from '../../../edge-agent/context/applier.ts'
import { admitBatch } from '../../../edge-agent/context/commit.ts'
import { readPosition } from '../../../edge-agent/context/position.ts'
import type { Operation } from '../../../edge-agent/context/shape/answer.ts'
import type { TableStep } from '../../../edge-agent/context/shape/prefix.ts'
import { namedShape, type ShapeScope } from '../../../shared/context/shapes.ts'
import { CONTEXT_TABLES, type ContextTable } from '../../../shared/context/tables.ts'
import type { Database } from '../../../shared/sql/port.ts'
import type { Governed } from '../../support/governed.ts'

type Row = {
  readonly tbl: string
  readonly key: string
  readonly version: string
  readonly write_id: string | null
  readonly body: string
}

export async function bringTo(
  at: Pick<Governed, 'db' | 'kernel' | 'clock'>,
  centre: Database,
  scope: ShapeScope,
): Promise<void> {
  const held = await at.db.query<Row>(
    'select tbl, key, version::text as version, write_id, body::text as body from context.row',
  )
  const { lsn: from } = await readPosition(at.db)
  const to = String(Number(from === '' ? 0 : from) + 1)
  const steps: TableStep<ContextTable>[] = []
  for (const table of CONTEXT_TABLES) {
    const shape = namedShape(table)
    if (shape === undefined) continue
    const rows = await centre.query<Row>(
      `select tbl, key, version::text as version, write_id, body::text as body from ${shape.schema}.${shape.table} where ${shape.where}`,
      [...shape.params(scope)],
    )
    const operations = changesOf(
      held.filter(({ tbl }) => tbl === table),
      rows,
    )
    if (operations.length === 0) continue
    steps.push({ table, swap: 'no', operations, place: { handle: 'by-hand', offset: `${to}_0`, schema: '' } })
  }
  if (steps.length === 0) return
  const principal = { kind: 'device', id: scope.device, roles: ['device'] } as const
  await admitBatch(prepareBatch({ from, to }, steps, new Map()), {
    kernel: at.kernel,
    principal,
    nowMs: at.clock.nowMs(),
  })
}

function changesOf(held: readonly Row[], rows: readonly Row[]): readonly Operation[] {
  const before = new Map(held.map((row) => [row.key, row]))
  const now = new Set(rows.map(({ key }) => key))
  const changed = rows.filter(({ key, version }) => before.get(key)?.version !== version)
  const gone = held.filter(({ key }) => !now.has(key))
  const told = (kind: Operation['kind'], value: Operation['value']): Operation => ({
    kind,
    value,
    at: null,
    isLast: true,
  })
  return [
    ...gone.map(({ tbl, key }) => told('delete', { tbl, key })),
    ...changed.map((row) => told('insert', { ...row })),
  ]
}
