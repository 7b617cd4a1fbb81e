/** Everything by which somebody who trusts two keys of the centre can check, offline, why an alias names a release. */
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import {
  openStatement,
  PROMOTION_TYPE,
  PromotionSchema,
  type PromotionStatement,
} from '../../shared/wire/approval.ts'
import type { ChainedCampaign, ChainedRelease, PromotionChain } from '../../shared/wire/promotion-chain.ts'
import type { CentreContent } from '../release/content.ts'
import { approvalsOf, listApprovers } from './approvals.ts'
import { NoSuchRelease } from './errors.ts'

export interface ChainParts {
  readonly content: CentreContent
  readonly policyKey: KeyPair
}

/** Throws {@link NoSuchRelease} where the alias names nothing, or was set before moves were signed. */
export async function promotionChain(
  sql: Queryable,
  { content, policyKey }: ChainParts,
  { name, alias }: { readonly name: string; readonly alias: string },
): Promise<PromotionChain> {
  const [row] = await sql.query<{ statement: Envelope | null; policy: Envelope | null }>(
    'select statement, policy from centre.alias where name = $1 and alias = $2',
    [name, alias],
  )
  if (row?.statement == null || row.policy === null)
    throw new NoSuchRelease(`no signed move made a release of ${name} "${alias}"`, {
      remedy: 'Move the alias: starling registry promote. The first release of a name is stable without one.',
    })
  const key = policyKey.publicKey
  const said = openStatement(row.statement, { type: PROMOTION_TYPE, key, schema: PromotionSchema })
  const release = async (envelopeSha256: string, evaluationSha256: string): Promise<ChainedRelease> => ({
    manifest: await manifestOf(sql, { name, envelopeSha256 }),
    evaluation: base64(await content.get(evaluationSha256)),
  })
  const { against } = said.evaluation
  const { campaign, keyIds } = await campaignOf(sql, said)
  const approvals = (await approvalsOf(sql, { name, version: said.version })).filter(({ person }) =>
    said.approvers.includes(person),
  )
  const signed = new Set([...approvals.map(({ keyId }) => keyId), ...keyIds])
  return {
    v: 2,
    release: await release(said.envelopeSha256, said.evaluation.sha256),
    incumbent: against === null ? null : await release(against.envelopeSha256, against.evaluationSha256),
    policy: row.policy,
    approvers: (await listApprovers(sql)).filter(({ keyId }) => signed.has(keyId)).map(({ entry }) => entry),
    approvals: approvals.map(({ envelope }) => envelope),
    campaign,
    promotion: row.statement,
  }
}

async function manifestOf(
  sql: Queryable,
  { name, envelopeSha256 }: { readonly name: string; readonly envelopeSha256: string },
): Promise<string> {
  const [row] = await sql.query<{ envelope: Uint8Array }>(
    'select envelope from centre.bundle where name = $1 and envelope_sha256 = $2',
    [name, envelopeSha256],
  )
  if (row === undefined)
    throw new NoSuchRelease(`the release ${envelopeSha256.slice(0, 12)} of ${name} is not here any more`, {
      remedy: 'Restore the database from a backup.',
    })
  return base64(row.envelope)
}

async function campaignOf(
  sql: Queryable,
  { campaign: ground, approvers }: PromotionStatement,
): Promise<{ readonly campaign: ChainedCampaign | null; readonly keyIds: readonly string[] }> {
  if (ground === null) return { campaign: null, keyIds: [] }
  const id = ground.campaign
  const [row] = await sql.query<{ plan: JsonObject }>('select plan from rollout.campaign where id = $1', [id])
  const approvals = await sql.query<Word>(
    `select key_id as "keyId", envelope from rollout.approval where campaign = $1
       and person in (select jsonb_array_elements_text($2::text::jsonb)) order by at, person`,
    [id, JSON.stringify(approvers)],
  )
  const passed = await passedVerdicts(sql, id)
  const overrides: Word[] = []
  for (const [ring, verdict] of passed)
    if (verdict['decision'] !== 'PROMOTE') overrides.push(...(await lastOverride(sql, { id, ring })))
  return {
    campaign: {
      plan: row?.plan ?? {},
      approvals: approvals.map(({ envelope }) => envelope),
      verdicts: [...passed.values()],
      overrides: overrides.map(({ envelope }) => envelope),
    },
    keyIds: [...approvals, ...overrides].map(({ keyId }) => keyId),
  }
}

type Word = { readonly keyId: string; readonly envelope: Envelope }

/** A ring that was halted and opened again needed another word: the last one let it pass. */
async function lastOverride(
  sql: Queryable,
  { id, ring }: { readonly id: string; readonly ring: string },
): Promise<readonly Word[]> {
  return await sql.query<Word>(
    `select key_id as "keyId", envelope from rollout.override where campaign = $1 and ring = $2
     order by seq desc limit 1`,
    [id, ring],
  )
}

/** What let each ring pass the last time that it did, in the order in which they did. */
async function passedVerdicts(sql: Queryable, id: string): Promise<ReadonlyMap<string, JsonObject>> {
  const rows = await sql.query<{ ring: string; verdict: JsonObject }>(
    `select ring, verdict from rollout.verdict where campaign = $1 and outcome = 'promoted' order by seq`,
    [id],
  )
  const passed = new Map<string, JsonObject>()
  for (const { ring, verdict } of rows) {
    passed.delete(ring)
    passed.set(ring, verdict)
  }
  return passed
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
