/**
 * `starling context conflicts`: at the device where one runs here, at the centre where only that does; else at the device that
 * is started for the while.
 */
import type { RowOf } from '../../../shared/context/tables.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { WritesShown } from '../../context/write-desk.ts'
import type { Take, WriteDeed } from '../../context/write-performers.ts'
import type { Call } from '../call.ts'
import { atCentre } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile, type RunFile } from '../run-files.ts'
import { withAgent } from '../with-agent.ts'

type Conflict = Omit<RowOf<'write_conflict'>, 'what'> & { readonly id: string; readonly what?: string }
type Rejected = {
  readonly id: string
  readonly table: string
  readonly key: string
  readonly what?: string
  readonly device?: string | null
  readonly code: string | null
  readonly reason: string | null
  readonly because?: string | null
}

export async function conflictsList(call: Call, { all }: { readonly all: boolean }): Promise<ExitCode> {
  const hub = centreAlone(call)
  if (hub !== null) {
    const found = (await atCentre(hub, '/api/conflicts')) as {
      readonly conflicts: readonly Conflict[]
      readonly rejected: readonly Rejected[]
    }
    const conflicts = found.conflicts.filter(({ status }) => all || status === 'open')
    const shown = { ...found, conflicts }
    call.output.answer(shown, linesOf(shown))
    return EXIT.ok
  }
  const shown = await withAgent(
    call,
    async (agent) => (await agent.get(`/v1/writes${all ? '?all=1' : ''}`)) as unknown as WritesShown,
  )
  call.output.answer(shown, [
    ...linesOf(shown),
    `${shown.pending.length === 0 ? 'No change is' : `${shown.pending.length} changes are`} on the way to the centre.`,
    ...(shown.dropped === 0 ? [] : [`${shown.dropped} older rejected changes are only in the journal.`]),
    shown.syncedAt === null ? 'The centre was never heard.' : `As of ${shown.syncedAt}.`,
  ])
  return EXIT.ok
}

export async function conflictsResolve(call: Call, id: string, take: Take): Promise<ExitCode> {
  const hub = centreAlone(call)
  const path = `conflicts/${encodeURIComponent(id)}`
  const answer =
    hub === null
      ? await withAgent(call, async (agent) => await agent.post(`/v1/writes/${path}`, { take }))
      : await atCentre(hub, `/api/${path}`, { method: 'POST', body: JSON.stringify({ take }) })
  const where = hub === null ? 'It takes effect when the centre has heard of it.' : 'It is settled.'
  call.output.answer(answer, [`Took ${take}. ${where}`])
  return EXIT.ok
}

export async function writeDecide(call: Call, id: string, deed: WriteDeed): Promise<ExitCode> {
  const answer = (await withAgent(
    call,
    async (agent) => await agent.post(`/v1/writes/${encodeURIComponent(id)}`, { do: deed }),
  )) as JsonObject
  call.output.answer(answer, [SAID[deed]])
  return EXIT.ok
}

const SAID: Readonly<Record<WriteDeed, string>> = {
  retry: 'Sent again, with what depended on it.',
  discard: 'Let go, with what depended on it.',
  undo: 'Taken back; the centre hears of it like of any change.',
}

/** The centre, where it runs here and no device does. */
function centreAlone(call: Call): RunFile['hub'] | null {
  return readRunFile(call.home, 'edge') === null ? readRunFile(call.home, 'hub') : null
}

function linesOf({
  conflicts,
  rejected,
}: {
  readonly conflicts: readonly Conflict[]
  readonly rejected: readonly Rejected[]
}): readonly string[] {
  return [
    ...(conflicts.length === 0 ? ['No conflicts.'] : conflicts.flatMap((one) => conflictLines(one))),
    ...rejected.flatMap(({ id, what, table, code, reason, because }) => [
      `${id}  ${what ?? table.replaceAll('_', ' ')}: not taken by the centre (${code ?? 'rejected'})`,
      `    ${reason ?? ''}${because ? `: ${because}` : ''}`,
    ]),
  ]
}

function conflictLines(conflict: Conflict): readonly string[] {
  const { id, what, table, key, field, base, ours, theirs, oursBy, theirsBy, status } = conflict
  const settled =
    status === 'settled' ? `  settled: ${conflict.choice ?? ''}, by ${conflict.settledBy ?? ''}` : ''
  return [
    `${id}  ${what ?? `${table.replaceAll('_', ' ')} ${key}`}: ${field}${settled}`,
    `    ours    ${valuesOf(ours)}  (${authorOf(oursBy)})`,
    `    theirs  ${valuesOf(theirs)}  (${authorOf(theirsBy)})`,
    `    before  ${valuesOf(base)}`,
  ]
}

function valuesOf(values: JsonObject): string {
  return Object.entries(values)
    .map(([column, value]) => `${column} ${JSON.stringify(value)}`)
    .join(', ')
}

function authorOf({ device, person, at }: Conflict['oursBy']): string {
  const who = device === null ? 'the centre' : person === null ? device : `${person} on ${device}`
  return at === null ? who : `${who}, ${at}`
}
