/** Everything by which somebody who trusts two keys of the centre can check, offline, why an alias names a release. */
import type { PromotionChain } from '../../shared/wire/promotion-chain.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { approvalsOf, listApprovers } from './approvals.ts'
import { NoSuchRelease } from './errors.ts'

/** Throws {@link NoSuchRelease} where the alias names nothing, or was set before moves were signed. */
export async function promotionChain(sql: Queryable, name: string, alias: string): Promise<PromotionChain> {
  const [row] = await sql.query<{ version: string; statement: Envelope | null; envelope: Uint8Array }>(
    `select a.version, a.statement, b.envelope from centre.alias a
     join centre.bundle b on b.name = a.name and b.version = a.version where a.name = $1 and a.alias = $2`,
    [name, alias],
  )
  if (row === undefined || row.statement === null)
    throw new NoSuchRelease(`no signed move made a release of ${name} "${alias}"`, {
      remedy: 'Move the alias: starling registry promote. The first release of a name is stable without one.',
    })
  const approvals = await approvalsOf(sql, { name, version: row.version })
  const keys = new Set(approvals.map(({ keyId }) => keyId))
  return {
    v: 1,
    release: JSON.parse(new TextDecoder().decode(row.envelope)) as Envelope,
    releaseBytes: Buffer.from(row.envelope).toString('base64'),
    approvers: (await listApprovers(sql)).filter(({ keyId }) => keys.has(keyId)).map(({ entry }) => entry),
    approvals: approvals.map(({ envelope }) => envelope),
    promotion: row.statement,
  }
}
