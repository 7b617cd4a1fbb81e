/** What a device should run: the newest published version of each bundle, and the policy in force. */
import { compareVersions } from '../../rollout/version.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { DesiredBundle, DesiredState } from '../../shared/wire/state.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'

export async function desiredState(sql: Queryable, policy: Envelope): Promise<DesiredState> {
  const rows = await sql.query<{ name: string; version: string; envelope_sha256: string; size: number }>(
    'select name, version, envelope_sha256, octet_length(envelope) as size from centre.bundle',
  )
  const newest = new Map<string, DesiredBundle>()
  for (const { name, version, envelope_sha256, size } of rows) {
    const best = newest.get(name)
    if (best === undefined || compareVersions(version, best.version) > 0)
      newest.set(name, { name, version, envelopeSha256: envelope_sha256, envelopeSizeBytes: size })
  }
  const bundles = [...newest.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { v: 1, revision: rows.length, bundles, policy }
}
