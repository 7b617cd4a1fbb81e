/** The deltas that the centre keeps: between which two contents, and as which content they are fetched. */
import { MAX_CHAIN } from '../../rollout/delta/transfer.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { MAX_DELTA_OFFERS, type WireDeltaOffer } from '../../shared/wire/delta.ts'

export const DELTA_SCHEMA = `
create table if not exists centre.delta (
  base_sha256 text not null, target_sha256 text not null, sha256 text not null, size_bytes bigint not null,
  chunks jsonb not null, made_at timestamptz not null default now(),
  primary key (base_sha256, target_sha256)
);
create index if not exists delta_by_target on centre.delta (target_sha256);
`

/** Remembers a delta whose bytes are content already; one between the same two files is replaced. */
export async function keepDelta(sql: Queryable, offer: WireDeltaOffer): Promise<void> {
  await sql.query(
    `insert into centre.delta (base_sha256, target_sha256, sha256, size_bytes, chunks)
     values ($1, $2, $3, $4, $5::text::jsonb)
     on conflict (base_sha256, target_sha256) do update
     set sha256 = excluded.sha256, size_bytes = excluded.size_bytes, chunks = excluded.chunks`,
    [offer.baseSha256, offer.targetSha256, offer.sha256, offer.sizeBytes, JSON.stringify(offer.chunks)],
  )
}

/** Every delta from which a device can get to one of `targets`, in at most as many hops as it takes. */
export async function deltaOffers(
  sql: Queryable,
  targets: readonly string[],
): Promise<readonly WireDeltaOffer[]> {
  const found = new Map<string, WireDeltaOffer>()
  let wanted = targets
  for (let hop = 0; hop < MAX_CHAIN && wanted.length > 0; hop += 1) {
    const rows = await sql.query<{
      base_sha256: string
      target_sha256: string
      sha256: string
      size_bytes: number
      chunks: string[]
    }>(
      `select base_sha256, target_sha256, sha256, size_bytes, chunks from centre.delta
       where target_sha256 = any($1) order by made_at desc, base_sha256 limit $2`,
      [[...wanted], MAX_DELTA_OFFERS],
    )
    const fresh = rows.filter(({ sha256 }) => !found.has(sha256))
    for (const row of fresh)
      found.set(row.sha256, {
        baseSha256: row.base_sha256,
        targetSha256: row.target_sha256,
        sha256: row.sha256,
        sizeBytes: row.size_bytes,
        chunks: row.chunks,
      })
    wanted = fresh.map((row) => row.base_sha256)
  }
  return [...found.values()].slice(0, MAX_DELTA_OFFERS)
}

/** SHA-256 of every file that the release with this manifest names. */
export async function filesOf(sql: Queryable, envelopeSha256: string): Promise<readonly string[]> {
  const rows = await sql.query<{ sha256: string }>(
    `select distinct file ->> 'sha256' as sha256
     from centre.bundle, jsonb_array_elements(manifest -> 'files') as file where envelope_sha256 = $1`,
    [envelopeSha256],
  )
  return rows.map(({ sha256 }) => sha256)
}
