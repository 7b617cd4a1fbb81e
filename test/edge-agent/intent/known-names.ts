/** The names that the sample site's devices know, as they know them. */
import { SAMPLE_DATA } from '../../../control-plane/context/sample-data.ts'
import type { KnownNames } from '../../../edge-agent/grammar/compile.ts'

const rows = (table: string): readonly { readonly key: string; readonly body: Record<string, unknown> }[] =>
  SAMPLE_DATA.filter((row) => row.table === table)

export const SAMPLE_NAMES: KnownNames = {
  assets: rows('asset').map(({ key, body }) => ({ id: key, names: namesOf(body, 'tag') })),
  parts: rows('part').map(({ key, body }) => ({ id: key, names: namesOf(body, 'number') })),
  workOrders: rows('work_order').map(({ body }) => String(body['number'])),
}

function namesOf(body: Record<string, unknown>, plate: string): readonly string[] {
  const aliases = Array.isArray(body['aliases']) ? body['aliases'].map(String) : []
  return [String(body['name']), String(body[plate]), ...aliases]
}
