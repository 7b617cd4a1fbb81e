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
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import {
  AliasSchema,
  PROMOTION_TYPE,
  signStatement,
  type CampaignGround,
} from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { centrePerformer, type CentreWork } from '../performer.ts'
import { evaluationGround, type EvaluationParts } from '../release/incumbent.ts'
import { approversOf, type ApprovalParts } from './approvals.ts'
import { AliasMoved, PromotionRefused } from './errors.ts'
import { releaseInUse, tagsOf } from './find-release.ts'
import { STABLE } from './stable.ts'
import { holdBundle, requireNoneUnderWay } from './under-way.ts'
import { authorOf, noteTransition, type ReleaseRef, type TransitionKind } from './transitions.ts'

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
export interface PromotionParts extends ApprovalParts, EvaluationParts {
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

/** What the campaigns of a bundle have to do with it that was moved by hand. */
export interface AliasParts extends PromotionParts {
  /** Ends, in favour of the move, what decided before and is over but for that: in its transaction. */
  supersede(work: CentreWork, of: { readonly name: string; readonly reason: string }): Promise<void>
}

/**
 * Performs `alias.set`. Throws {@link AliasMoved}, {@link PromotionRefused}, `BundleUnfit`, `NoSuchRelease`, `ReleaseRetired`, and for
 * `stable` `BundleInCampaign`, which names the campaign that is under way.
 */
export function aliasPerformer(parts: AliasParts): TransactionalPerformer<JsonObject, Moved> {
  return centrePerformer('alias.set', MoveSchema, async (work, { name, alias, version, expected }) => {
    if (alias === STABLE) {
      await holdBundle(work.tx, name)
      await requireNoneUnderWay(work.tx, name, `"${STABLE}" moves at its end`)
      await parts.supersede(work, { name, reason: `"${STABLE}" was moved to ${version} by hand` })
    }
    return await promote(work, parts, { name, alias, version, expected })
  })
}

/**
 * Moves an alias as the policy allows it and the evaluations do, inside somebody's transaction; the statement is signed and kept
 * with it. Throws as {@link aliasPerformer} before it has written anything.
 */
export async function promote(
  work: CentreWork,
  parts: PromotionParts,
  move: v.InferOutput<typeof MoveSchema> & {
    /** The campaign at whose end it moves, and the people whose signatures over its plan hold. */
    readonly campaign?: CampaignGround & { readonly signers: readonly string[] }
  },
): Promise<Moved> {
  const { clock, environment } = parts
  const { tx, principal } = work
  const { name, alias, version, expected } = move
  const release = await releaseInUse(tx, { name, version })
  if ((await heldBy(tx, { name, alias })) !== expected) throw await moved(tx, { name, alias, from: expected })
  const policy = parts.policy()
  const author = await authorOf(tx, release)
  const signed = await approversOf(tx, release, { environment, policyKey: parts.policyKey.publicKey })
  const { signers = [], ...campaign } = move.campaign ?? {}
  const approvers = [...new Set([...signed, ...signers])].toSorted()
  const tags = await tagsOf(tx, release)
  const { roles } = principal
  const verdict = judgePromotion(policy.document.promotions, {
    alias,
    environment,
    tags,
    roles,
    author,
    approvers,
  })
  if (verdict.kind === 'refused')
    throw new PromotionRefused(`${name} ${version} does not become "${alias}": ${verdict.reason}`, {
      remedy: 'Have others than its author sign it: starling registry approve.',
      details: { rule: verdict.rule, needed: verdict.needed, approvers },
    })
  const evaluation = await evaluationGround({ ...parts, sql: tx }, { name, alias, version, from: expected })
  const statement = signStatement(
    PROMOTION_TYPE,
    {
      v: 2,
      name,
      version,
      envelopeSha256: release.envelopeSha256,
      environment,
      alias,
      from: expected,
      author,
      by: principal.id,
      roles: [...roles],
      tags: [...tags],
      rules: [...verdict.rules],
      needed: verdict.needed,
      approvers: [...approvers],
      policy: { version: policy.document.version, digest: policy.digest },
      evaluation,
      campaign: 'campaign' in campaign ? { ...campaign, rings: [...campaign.rings] } : null,
      at: new Date(clock.nowMs()).toISOString(),
    },
    parts.policyKey,
  )
  const signature = { statement, policy: policy.envelope }
  await enterAlias(work, clock, { name, version, alias, from: expected, signature })
  return { name, alias, from: expected, version, rules: verdict.rules, approvers }
}

/** The move itself, without a look at the policy. Throws {@link AliasMoved}. */
export async function enterAlias(
  work: CentreWork,
  clock: Clock,
  move: ReleaseRef & {
    readonly alias: string
    readonly from: string | null
    /** The signed statement of the move, and the signed policy by which it was allowed. */
    readonly signature?: { readonly statement: Envelope; readonly policy: Envelope }
  },
): Promise<void> {
  const { tx, recordId, principal } = work
  const { name, version, alias, from, signature = null } = move
  const at = new Date(clock.nowMs()).toISOString()
  const signed = [signature?.statement ?? null, signature?.policy ?? null].map((one) => JSON.stringify(one))
  const set = [name, alias, version, principal.id, recordId, at, ...signed]
  const rows =
    from === null
      ? await tx.query(
          `insert into centre.alias (name, alias, version, set_by, record_id, set_at, statement, policy)
           values ($1, $2, $3, $4, $5, $6::text::timestamptz, $7::text::jsonb, $8::text::jsonb)
           on conflict do nothing returning version`,
          set,
        )
      : await tx.query(
          `update centre.alias set version = $3, set_by = $4, record_id = $5, set_at = $6::text::timestamptz,
             statement = $7::text::jsonb, policy = $8::text::jsonb
           where name = $1 and alias = $2 and version = $9 returning version`,
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

/** What the alias names now. */
async function heldBy(
  sql: Queryable,
  { name, alias }: { readonly name: string; readonly alias: string },
): Promise<string | null> {
  return (await listAliases(sql, name)).find((one) => one.alias === alias)?.version ?? null
}

async function moved(
  sql: Queryable,
  { name, alias, from }: { readonly name: string; readonly alias: string; readonly from: string | null },
): Promise<AliasMoved> {
  return new AliasMoved(
    `"${alias}" of ${name} names ${(await heldBy(sql, { name, alias })) ?? 'nothing'}, not ${from ?? 'nothing'}`,
    { remedy: 'Look at what it names now, and move it from there if it is still right.' },
  )
}
