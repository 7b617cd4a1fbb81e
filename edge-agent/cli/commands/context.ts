/** `starling context`: asks the device's agent. */
import type { ContextStatus, Staleness } from '../../local-api/context.ts'
import type { TableVerdict } from '../../context/verify.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { withAgent } from '../with-agent.ts'

export async function contextStatus(call: Call): Promise<ExitCode> {
  const status = (await withAgent(
    call,
    async (agent) => await agent.get('/v1/context'),
  )) as unknown as ContextStatus
  call.output.answer(status, statusLines(status))
  return EXIT.ok
}

export async function contextResync(call: Call, tables: readonly string[]): Promise<ExitCode> {
  const status = (await withAgent(
    call,
    async (agent) => await agent.post('/v1/context/resync', { tables: [...tables] }),
  )) as unknown as ContextStatus
  call.output.answer(status, statusLines(status))
  return EXIT.ok
}

/** Exit code `refused` where a table is not what the centre has for this device. */
export async function contextVerify(call: Call, tables: readonly string[]): Promise<ExitCode> {
  const found = (await withAgent(
    call,
    async (agent) => await agent.post('/v1/context/verify', { tables: [...tables] }),
  )) as unknown as Staleness & { readonly holds: boolean; readonly tables: readonly TableVerdict[] }
  call.output.answer(found, [
    ...found.tables.map(
      ({ table, holds, lsn, device, centre }) =>
        `${table.padEnd(14)} ${holds ? 'holds  ' : 'DIFFERS'} at ${lsn ?? 'an unnumbered moment'}: ${device.rows} rows here, ${centre.rows} at the centre`,
    ),
    ageLine(found),
  ])
  return found.holds ? EXIT.ok : EXIT.refused
}

function statusLines(status: ContextStatus): readonly string[] {
  const { lsn, lag, writes, refusal } = status
  return [
    ...(refusal === null ? [] : [`waits: ${refusal}`]),
    `stands at ${lsn ?? 'nothing yet'}${lag === 0 ? '' : `, ${lag} transactions behind`}; own changes: ${writes.pending} on their way, ${writes.rejected} not taken, ${writes.conflicts} in conflict`,
    ageLine(status),
    ...status.vectors.map(
      ({ model, complete, made, of, sizeBytes }) =>
        `vectors of ${model.slice(0, 12)}: ${made} of ${of}, ${Math.ceil(sizeBytes / 1_024)} KB${complete ? '' : ', not asked before they are complete'}`,
    ),
    'table          rows      state        bytes      refetched  waiting  at',
    ...status.tables.map(({ table, rows, state, bytes, refetches, pending, offset }) =>
      [
        table.padEnd(14),
        String(rows).padEnd(9),
        state.padEnd(12),
        String(bytes).padEnd(10),
        String(refetches).padEnd(10),
        String(pending).padEnd(8),
        offset ?? '-',
      ].join(' '),
    ),
  ]
}

function ageLine({ syncedAt, stalenessMs }: Staleness): string {
  if (syncedAt === null || stalenessMs === null) return 'never complete so far'
  return `complete as of ${syncedAt}, ${(stalenessMs / 1_000).toFixed(1)} s ago`
}
