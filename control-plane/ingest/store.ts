/** What ingest reads and writes in the centre's database. */
import { canonicalText } from '../../shared/canonical.ts'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { GENESIS_HASH, type JournalRecord } from '../../shared/journal/record.ts'
import type { Json } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { QuarantineReason } from '../../shared/wire/receipt.ts'
import type { NamedGap, Verdict, Watermark } from './judge.ts'

/** Kept bad messages a tenant: enough to examine an attack, too few to fill a disk. The oldest go first. */
const MAX_QUARANTINED = 1_000
/** Of one bad message; the rest of a larger one tells nothing more. */
const MAX_KEPT_BYTES = 64 * 1024

interface Problem {
  readonly reason: QuarantineReason
  readonly message: string
}

export interface Held extends Watermark {
  readonly problem: Problem | null
}

export async function heldOf(sql: Queryable, tenant: TenantId, device: DeviceId): Promise<Held> {
  const [row] = await sql.query<{ seq: number; hash: string; problem: Json }>(
    'select seq, hash, problem from ingest.device where tenant = $1 and device = $2',
    [tenant, device],
  )
  if (row === undefined) return { seq: 0, hash: GENESIS_HASH, problem: null }
  return { seq: row.seq, hash: row.hash, problem: row.problem as Problem | null }
}

export async function hashAt(
  sql: Queryable,
  who: { readonly tenant: TenantId; readonly device: DeviceId },
  seq: number,
): Promise<string | null> {
  const [row] = await sql.query<{ hash: string }>(
    'select hash from ingest.record where tenant = $1 and device = $2 and seq = $3',
    [who.tenant, who.device, seq],
  )
  return row?.hash ?? null
}

/** Stores new records, their seal and gap, and moves the watermark. */
export async function storeRun(
  tx: Transaction,
  who: { readonly tenant: TenantId; readonly device: DeviceId },
  run: Extract<Verdict, { kind: 'store' }>,
): Promise<void> {
  const { seal } = run.segment
  await tx.query(
    `insert into ingest.record (tenant, device, seq, id, kind, of, action, turn, at, hash, text)
     select $1, $2, seq, id, kind, of, action, turn, at, hash, text
     from json_to_recordset($3::text::json) as r(seq bigint, id text, kind text, of text, action text, turn text, at text, hash text, text text)`,
    [who.tenant, who.device, JSON.stringify(run.records.map((record) => columnsOf(record)))],
  )
  await tx.query(
    'insert into ingest.seal (tenant, device, to_seq, from_seq, text) values ($1, $2, $3, $4, $5)',
    [who.tenant, who.device, seal.to, seal.from, JSON.stringify(seal)],
  )
  if (run.gap !== null) await storeGap(tx, who, run.gap)
  await tx.query(
    `insert into ingest.device (tenant, device, seq, hash) values ($1, $2, $3, $4)
     on conflict (tenant, device) do update set seq = excluded.seq, hash = excluded.hash, problem = null, updated_at = now()`,
    [who.tenant, who.device, seal.to, seal.head],
  )
}

async function storeGap(
  tx: Transaction,
  who: { readonly tenant: TenantId; readonly device: DeviceId },
  gap: NamedGap,
): Promise<void> {
  await tx.query(
    'insert into ingest.gap (tenant, device, from_seq, to_seq, reason, record_id) values ($1, $2, $3, $4, $5, $6)',
    [who.tenant, who.device, gap.from, gap.to, gap.reason, gap.recordId],
  )
}

export interface BadMessage extends Problem {
  readonly tenant: TenantId
  readonly device: DeviceId | null
  readonly subject: string
  readonly digest: string
  readonly bytes: Uint8Array
}

/** Keeps a bad message with its reason, and says so in its device's receipt. The same message again only counts. */
export async function quarantine(tx: Transaction, bad: BadMessage): Promise<void> {
  await tx.query(
    `insert into ingest.quarantine (tenant, digest, subject, device, reason, message, size_bytes, bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (tenant, digest) do update set times = quarantine.times + 1, last_at = now(), settled = false,
       reason = excluded.reason, message = excluded.message`,
    [
      bad.tenant,
      bad.digest,
      bad.subject.slice(0, 200),
      bad.device,
      bad.reason,
      bad.message,
      bad.bytes.length,
      bad.bytes.subarray(0, MAX_KEPT_BYTES),
    ],
  )
  // What nobody enrolled sent must not make rows without end, nor cast doubt on a device that did not send it.
  if (bad.device === null || FOREIGN.has(bad.reason)) return
  await tx.query(
    `insert into ingest.device (tenant, device, seq, hash, problem) values ($1, $2, 0, $3, $4::text::jsonb)
     on conflict (tenant, device) do update set problem = excluded.problem, updated_at = now()`,
    [bad.tenant, bad.device, GENESIS_HASH, JSON.stringify({ reason: bad.reason, message: bad.message })],
  )
}

/** Lets the oldest beyond {@link MAX_QUARANTINED} go: once a batch, for it looks at all of them. */
export async function boundQuarantine(tx: Transaction, tenant: TenantId): Promise<void> {
  await tx.query(
    `with extra as materialized (
       select digest from ingest.quarantine where tenant = $1 order by first_at desc, digest offset ${MAX_QUARANTINED}
     ) delete from ingest.quarantine q using extra where q.tenant = $1 and q.digest = extra.digest`,
    [tenant],
  )
}

const FOREIGN: ReadonlySet<QuarantineReason> = new Set(['unknown_device', 'wrong_device', 'forged_seal'])

/** A message that was set aside and has come through since is no longer open. */
export async function settle(tx: Transaction, tenant: TenantId, digest: string): Promise<void> {
  await tx.query(
    'update ingest.quarantine set settled = true where tenant = $1 and digest = $2 and not settled',
    [tenant, digest],
  )
}

export interface StreamCursor {
  /** The stream's moment of creation: another one is another stream, whose numbers mean nothing here. */
  readonly created: string
  readonly seq: number
}

export async function readCursor(sql: Queryable, tenant: TenantId): Promise<StreamCursor> {
  const [row] = await sql.query<{ stream_created: string; seq: number }>(
    'select stream_created, seq from ingest.cursor where tenant = $1',
    [tenant],
  )
  return row === undefined ? { created: '', seq: 0 } : { created: row.stream_created, seq: row.seq }
}

export async function moveCursor(sql: Queryable, tenant: TenantId, cursor: StreamCursor): Promise<void> {
  await sql.query(
    `insert into ingest.cursor (tenant, stream_created, seq) values ($1, $2, $3)
     on conflict (tenant) do update set stream_created = excluded.stream_created, seq = excluded.seq`,
    [tenant, cursor.created, cursor.seq],
  )
}

function columnsOf(record: JournalRecord): Readonly<Record<string, Json>> {
  const { body } = record
  return {
    seq: record.seq,
    id: record.id,
    kind: body.kind,
    of: 'of' in body ? body.of : null,
    action: 'action' in body ? body.action : null,
    turn: 'turn' in body ? body.turn : null,
    at: record.at,
    hash: record.hash,
    text: canonicalText(record),
  }
}
