/**
 * Where a release comes from and what is measured of it: read out of its own signed manifest and the statements that travel in
 * it, so that the registry says nothing of a release that its bytes do not.
 */
import * as v from 'valibot'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { CentreContent } from '../release/content.ts'
import { findRelease } from './find-release.ts'
import type { ReleaseRef } from './transitions.ts'

const ManifestView = v.object({
  environment: v.optional(v.string(), 'unknown'),
  createdAt: v.nullish(v.string(), null),
  expiresAt: v.nullish(v.string(), null),
  card: v.optional(v.record(v.string(), v.unknown()), {}),
  metrics: v.optional(v.array(v.record(v.string(), v.unknown())), []),
  files: v.optional(
    v.array(v.object({ path: v.string(), role: v.string(), sha256: v.string(), sizeBytes: v.number() })),
    [],
  ),
})
/** An in-toto statement, in a DSSE envelope or bare. */
const EnvelopeView = v.object({ payload: v.string() })
const StatementView = v.object({ predicateType: v.string(), predicate: v.record(v.string(), v.unknown()) })

export type Statement = {
  readonly sha256: string
  readonly predicateType: string
  readonly predicate: JsonObject
}

export type Lineage = {
  readonly envelopeSha256: string
  readonly environment: string
  readonly createdAt: string | null
  readonly expiresAt: string | null
  readonly card: JsonObject
  /** What is measured of it once it runs, agreed before it was published. */
  readonly metrics: readonly JsonObject[]
  readonly files: readonly {
    readonly path: string
    readonly role: string
    readonly sha256: string
    readonly sizeBytes: number
  }[]
  /** The release that was `stable` when this one became it, or is it now. */
  readonly base: string | null
  readonly provenance: Statement | null
  readonly evaluation: Statement | null
}

/** Throws `NoSuchRelease`. */
export async function lineageOf(sql: Queryable, content: CentreContent, of: ReleaseRef): Promise<Lineage> {
  const { envelopeSha256 } = await findRelease(sql, of)
  const [row] = await sql.query<{ manifest: Json }>(
    'select manifest from centre.bundle where name = $1 and version = $2',
    [of.name, of.version],
  )
  const manifest = v.parse(ManifestView, row?.manifest ?? {})
  const statement = async (role: string): Promise<Statement | null> => {
    const file = manifest.files.find((one) => one.role === role)
    return file === undefined ? null : statementOf(file.sha256, await content.get(file.sha256))
  }
  return {
    envelopeSha256,
    environment: manifest.environment,
    createdAt: manifest.createdAt,
    expiresAt: manifest.expiresAt,
    card: manifest.card as JsonObject,
    metrics: manifest.metrics as readonly JsonObject[],
    files: manifest.files,
    base: await baseOf(sql, of),
    provenance: await statement('provenance'),
    evaluation: await statement('evaluation'),
  }
}

async function baseOf(sql: Queryable, { name, version }: ReleaseRef): Promise<string | null> {
  const [moved] = await sql.query<{ from_version: string | null }>(
    `select from_version from centre.alias_move where name = $1 and alias = 'stable' and to_version = $2 order by id limit 1`,
    [name, version],
  )
  if (moved !== undefined) return moved.from_version
  const [held] = await sql.query<{ version: string }>(
    `select version from centre.alias where name = $1 and alias = 'stable' and version <> $2`,
    [name, version],
  )
  return held?.version ?? null
}

function statementOf(sha256: string, bytes: Uint8Array): Statement | null {
  const read = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return null // No statement: the registry shows none.
    }
  }
  const outer = read(new TextDecoder().decode(bytes))
  const inner = v.is(EnvelopeView, outer)
    ? read(Buffer.from(outer.payload, 'base64').toString('utf8'))
    : outer
  const parsed = v.safeParse(StatementView, inner)
  if (!parsed.success) return null
  return {
    sha256,
    predicateType: parsed.output.predicateType,
    predicate: parsed.output.predicate as JsonObject,
  }
}
