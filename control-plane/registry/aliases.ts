/**
 * Aliases: names that stand for one release of a bundle. `stable` is what devices run that nobody chose anything else for. A
 * move is one statement under compare-and-set in one transaction: two who move at once cannot both believe that they did.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { judgePromotion } from '../../shared/policy/promotion.ts'
import type { SignedPolicy } from '../../shared/policy/signed-policy.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { AliasSchema, PROMOTION_TYPE, signStatement } from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { centrePerformer, type CentreWork } from '../performer.ts'
import { approversOf, type ApprovalParts } from './approvals.ts'
import { AliasMoved, PromotionRefused } from './errors.ts'
import { releaseInUse, tagsOf } from './find-release.ts'
import { authorOf, noteTransition, type ReleaseRef, type TransitionKind } from './transitions.ts'

export const STABLE = 'stable'

const MoveSchema = v.strictObject({
  name: BundleNameSchema,
  alias: AliasSchema,
  version: VersionSchema,
  /** What it names now, as far as whoever asks knows; null when it should name nothing. */
  expected: v.nullable(VersionSchema),
})

export type Alias = {
  readonly name: string
  readonly alias: string
  readonly version: string
  readonly setBy: string
  readonly recordId: string
  readonly setAt: string
}

export type AliasMove = {
  readonly alias: string
  readonly from: string | null
  readonly to: string | null
  readonly by: string
  readonly recordId: string
  readonly at: string
}

export type Moved = {
  readonly name: string
  readonly alias: string
  readonly from: string | null
  readonly version: string
  readonly rules: readonly string[]
  readonly approvers: readonly string[]
}

/** What a move is judged by, and signed with. */
export interface PromotionParts extends ApprovalParts {
  policy(): SignedPolicy
}

/** Every alias, or those of one bundle. */
export async function listAliases(sql: Queryable, name: string | null = null): Promise<readonly Alias[]> {
  return await sql.query<Alias>(
    `select name, alias, version, set_by as "setBy", record_id as "recordId", set_at as "setAt" from centre.alias
     where $1::text is null or name = $1 order by name, alias`,
    [name],
  )
}

/** Newest first. */
export async function movesOf(sql: Queryable, name: string): Promise<readonly AliasMove[]> {
  return await sql.query<AliasMove>(
    `select alias, from_version as "from", to_version as "to", by, record_id as "recordId", at from centre.alias_move
     where name = $1 order by id desc limit 200`,
    [name],
  )
}

/** Performs `alias.set`. Throws {@link AliasMoved}, {@link PromotionRefused}, `NoSuchRelease` and `ReleaseRetired`. */
export function aliasPerformer(parts: PromotionParts): TransactionalPerformer<JsonObject, Moved> {
  return centrePerformer('alias.set', MoveSchema, async (work, { name, alias, version, expected }) => {
    return await promote(work, parts, { name, alias, version, expected })
  })
}

/** Moves an alias as the policy allows it, inside somebody's transaction; the statement is signed and kept with it. */
export async function promote(
  work: CentreWork,
  parts: PromotionParts,
  move: v.InferOutput<typeof MoveSchema> & {
    /** People whose signatures were held against this release elsewhere: those of its campaign. */
    readonly signers?: readonly string[]
  },
): Promise<Moved> {
  const { clock, environment } = parts
  const { tx, principal } = work
  const { name, alias, version, expected } = move
  const release = await releaseInUse(tx, { name, version })
  const policy = parts.policy()
  const author = await authorOf(tx, release)
  const signed = await approversOf(tx, release, { environment, policyKey: parts.policyKey.publicKey })
  const approvers = [...new Set([...signed, ...(move.signers ?? [])])].toSorted()
  const verdict = judgePromotion(policy.document.promotions, {
    alias,
    environment,
    tags: await tagsOf(tx, release),
    roles: principal.roles,
    author,
    approvers,
  })
  if (verdict.kind === 'refused')
    throw new PromotionRefused(`${name} ${version} does not become "${alias}": ${verdict.reason}`, {
      remedy: 'Have others than its author sign it: starling registry approve.',
      details: { rule: verdict.rule, needed: verdict.needed, approvers },
    })
  const statement = signStatement(
    PROMOTION_TYPE,
    {
      v: 1,
      name,
      version,
      envelopeSha256: release.envelopeSha256,
      environment,
      alias,
      from: expected,
      author,
      by: principal.id,
      rules: [...verdict.rules],
      needed: verdict.needed,
      approvers: [...approvers],
      policy: { version: policy.document.version, digest: policy.digest },
      at: new Date(clock.nowMs()).toISOString(),
    },
    parts.policyKey,
  )
  await enterAlias(work, clock, { name, version, alias, from: expected, statement: { ...statement } })
  return { name, alias, from: expected, version, rules: verdict.rules, approvers }
}

/** The move itself, without a look at the policy. Throws {@link AliasMoved}. */
export async function enterAlias(
  work: CentreWork,
  clock: Clock,
  move: ReleaseRef & {
    readonly alias: string
    readonly from: string | null
    readonly statement?: object
  },
): Promise<void> {
  const { tx, recordId, principal } = work
  const { name, version, alias, from, statement = null } = move
  const at = new Date(clock.nowMs()).toISOString()
  const set = [name, alias, version, principal.id, recordId, at, JSON.stringify(statement)]
  const rows =
    from === null
      ? await tx.query(
          `insert into centre.alias (name, alias, version, set_by, record_id, set_at, statement)
           values ($1, $2, $3, $4, $5, $6::text::timestamptz, $7::text::jsonb)
           on conflict do nothing returning version`,
          set,
        )
      : await tx.query(
          `update centre.alias set version = $3, set_by = $4, record_id = $5, set_at = $6::text::timestamptz,
             statement = $7::text::jsonb
           where name = $1 and alias = $2 and version = $8 returning version`,
          [...set, from],
        )
  if (rows.length === 0) throw await moved(tx, { name, alias, from })
  await tx.query(
    `insert into centre.alias_move (name, alias, from_version, to_version, by, record_id, at)
     values ($1, $2, $3, $4, $5, $6, $7::text::timestamptz)`,
    [name, alias, from, version, principal.id, recordId, at],
  )
  await noteTransition(work, clock, { name, version, kind: kindOf(alias), detail: { alias, from } })
  if (alias === STABLE && from !== null && from !== version)
    await noteTransition(work, clock, {
      name,
      version: from,
      kind: 'demoted',
      detail: { alias, to: version },
    })
}

function kindOf(alias: string): TransitionKind {
  return alias === STABLE ? 'promoted' : 'staged'
}

async function moved(
  sql: Queryable,
  { name, alias, from }: { readonly name: string; readonly alias: string; readonly from: string | null },
): Promise<AliasMoved> {
  const [held] = (await listAliases(sql, name)).filter((one) => one.alias === alias)
  return new AliasMoved(
    `"${alias}" of ${name} names ${held?.version ?? 'nothing'}, not ${from ?? 'nothing'}`,
    { remedy: 'Look at what it names now, and move it from there if it is still right.' },
  )
}
