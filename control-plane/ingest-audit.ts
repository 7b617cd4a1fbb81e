/** The verdict on the centre's copy of one device's journal: every hash, link and seal, and that nothing is missing but what a gap names. */
import * as v from 'valibot'
import type { DeviceId, TenantId } from '../shared/ids.ts'
import { parseRecord } from '../shared/journal/stored-record.ts'
import { GENESIS_HASH } from '../shared/journal/record.ts'
import { ChainBroken, SealSchema, verifyRecord, verifySeal } from '../shared/journal/seal.ts'
import type { PublicKey } from '../shared/signing/ed25519.ts'
import type { Queryable } from '../shared/sql/port.ts'

const BATCH = 500

export type DeviceVerification = {
  readonly device: string
  readonly holds: boolean
  readonly records: number
  readonly seals: number
  readonly gaps: number
  readonly head: { readonly seq: number; readonly hash: string }
  readonly fault: { readonly kind: string; readonly seq: number; readonly message: string } | null
}

export async function verifyDevice(
  sql: Queryable,
  of: { readonly tenant: TenantId; readonly device: DeviceId; readonly key: PublicKey },
): Promise<DeviceVerification> {
  const at = { records: 0, seals: 0, gaps: 0, seq: 0, hash: GENESIS_HASH }
  const done = (fault: DeviceVerification['fault']): DeviceVerification => ({
    device: of.device,
    holds: fault === null,
    records: at.records,
    seals: at.seals,
    gaps: at.gaps,
    head: { seq: at.seq, hash: at.hash },
    fault,
  })
  try {
    await walkRecords(sql, of, at)
    await walkSeals(sql, of, at)
    return done(null)
  } catch (thrown) {
    if (thrown instanceof ChainBroken)
      return done({ kind: thrown.fault, seq: thrown.seq, message: thrown.message })
    throw thrown
  }
}

interface Progress {
  records: number
  seals: number
  gaps: number
  seq: number
  hash: string
}
type Of = Parameters<typeof verifyDevice>[1]

async function walkRecords(sql: Queryable, { tenant, device }: Of, at: Progress): Promise<void> {
  const gaps = await sql.query<{ from_seq: number; to_seq: number }>(
    'select from_seq, to_seq from ingest.gap where tenant = $1 and device = $2',
    [tenant, device],
  )
  for (;;) {
    const rows = await sql.query<{ seq: number; text: string }>(
      'select seq, text from ingest.record where tenant = $1 and device = $2 and seq > $3 order by seq limit $4',
      [tenant, device, at.seq, BATCH],
    )
    for (const { seq, text } of rows) {
      const record = parseRecord(text)
      if (seq !== at.seq + 1) {
        const named = gaps.some((gap) => gap.from_seq === at.seq + 1 && gap.to_seq === seq - 1)
        if (!named)
          throw new ChainBroken('out_of_order', at.seq + 1, `record ${seq} stands there, and no gap is named`)
        at.gaps += 1
        verifyRecord(record, record.prev)
      } else verifyRecord(record, at.hash)
      at.seq = seq
      at.hash = record.hash
      at.records += 1
    }
    if (rows.length < BATCH) return
  }
}

async function walkSeals(sql: Queryable, { tenant, device, key }: Of, at: Progress): Promise<void> {
  let after = 0
  for (;;) {
    const seals = await sql.query<{ to_seq: number; text: string }>(
      'select to_seq, text from ingest.seal where tenant = $1 and device = $2 and to_seq > $3 order by to_seq limit 50',
      [tenant, device, after],
    )
    for (const { to_seq, text } of seals) {
      const seal = v.parse(SealSchema, JSON.parse(text))
      const rows = await sql.query<{ text: string }>(
        'select text from ingest.record where tenant = $1 and device = $2 and seq between $3 and $4 order by seq',
        [tenant, device, seal.from, seal.to],
      )
      verifySeal(
        seal,
        rows.map((row) => parseRecord(row.text)),
        key,
      )
      after = to_seq
      at.seals += 1
    }
    if (seals.length === 0) return
  }
}
