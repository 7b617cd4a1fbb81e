/**
 * The chain of a promotion, verified without the centre. The promotion's statement (policy key) names the release by the digest of
 * its signed manifest (release key), its evaluation and the incumbent's by theirs, the policy and the rules that let it pass, the
 * people who signed, and, at a campaign's end, the plan that they signed and what the gates said of each ring.
 */
import { canonicalText } from '../../shared/canonical.ts'
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import { judgePromotion } from '../../shared/policy/promotion.ts'
import { openPolicy } from '../../shared/policy/signed-policy.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import {
  openStatement,
  PROMOTION_TYPE,
  PromotionSchema,
  RELEASE_APPROVAL_TYPE,
  ReleaseApprovalSchema,
  type PromotionStatement,
} from '../../shared/wire/approval.ts'
import type { ChainedRelease, PromotionChain } from '../../shared/wire/promotion-chain.ts'
import { openManifest } from '../manifest.ts'
import { campaignSigners } from './campaign-links.ts'
import { ChainBroken } from './chain-broken.ts'
import { evaluated, requireNoWorseThan, type Evaluated } from './no-worse.ts'
import { rosterOf, type Roster } from './roster.ts'

export interface ChainTrust {
  readonly policyKey: PublicKey
  readonly releaseKey: PublicKey
}

/**
 * What the chain proves. Throws `BadEnvelope` for a signature that does not hold, {@link ChainBroken} and `BundleUnfit` where a link
 * does not fit the next: other bytes, a worse evaluation, an approval that is missing, the author among the approvers, a ring
 * without a verdict, a rule that asks for more.
 */
export function verifyPromotionChain(chain: PromotionChain, trust: ChainTrust): PromotionStatement {
  const envelopes = envelopesOf(chain)
  for (const envelope of envelopes) requirePlain(envelope)
  if (new Set(envelopes.map(({ signatures }) => signatures[0]?.sig)).size < envelopes.length)
    throw new ChainBroken('it holds the same twice')
  const promotion = openStatement(chain.promotion, {
    type: PROMOTION_TYPE,
    key: trust.policyKey,
    schema: PromotionSchema,
  })
  releaseLinks(chain, promotion, trust)
  const roster = rosterOf(chain.approvers, { policyKey: trust.policyKey, environment: promotion.environment })
  const people = new Set([
    ...releaseSigners(chain, promotion, roster),
    ...campaignSigners(chain.campaign, promotion, roster),
  ])
  const missing = promotion.approvers.find((person) => !people.has(person))
  if (missing !== undefined) throw new ChainBroken(`the approval of ${missing} is not here`)
  const unnamed = [...people].find((person) => !promotion.approvers.includes(person))
  if (unnamed !== undefined) throw new ChainBroken(`the promotion does not name the approval of ${unnamed}`)
  ruleLinks(chain, promotion, trust)
  return promotion
}

/** The release and what it took the place of, by their bytes. */
function releaseLinks(chain: PromotionChain, promotion: PromotionStatement, trust: ChainTrust): void {
  const { name, version, envelopeSha256, environment, evaluation, from } = promotion
  const candidate = releaseOf(chain.release, envelopeSha256, trust)
  const { manifest } = candidate
  if (manifest.name !== name || manifest.version !== version || manifest.environment !== environment)
    throw new ChainBroken(`the release is ${manifest.name} ${manifest.version} for ${manifest.environment}`)
  if (candidate.evaluationSha256 !== evaluation.sha256)
    throw new ChainBroken('it was promoted by another evaluation than the one that is here')
  const { against } = evaluation
  if (against === null || chain.incumbent === null) {
    if (against !== null || chain.incumbent !== null)
      throw new ChainBroken('what it was compared with is not here')
    if (from !== null && !evaluation.returns)
      throw new ChainBroken(`it was not compared with ${from}, which it replaced`)
    requireNoWorseThan(candidate, null)
    return
  }
  const incumbent = releaseOf(chain.incumbent, against.envelopeSha256, trust)
  if (
    incumbent.manifest.name !== name ||
    incumbent.manifest.version !== against.version ||
    against.version !== from
  )
    throw new ChainBroken(
      `it was compared with ${incumbent.manifest.version}, and replaced ${from ?? 'nothing'}`,
    )
  if (incumbent.evaluationSha256 !== against.evaluationSha256)
    throw new ChainBroken('it was compared with another evaluation than the one that is here')
  requireNoWorseThan(candidate, incumbent)
}

function releaseOf(chained: ChainedRelease, envelopeSha256: string, { releaseKey }: ChainTrust): Evaluated {
  const bytes = bytesOf(chained.manifest)
  if (sha256Hex(bytes) !== envelopeSha256)
    throw new ChainBroken('it promotes another release than the one that is here')
  const opened = openManifest(bytes, { releaseKeys: [releaseKey], threshold: 1 })
  if (opened.kind === 'refused') throw new ChainBroken(`its manifest is refused: ${opened.detail}`)
  return evaluated(opened.manifest, bytesOf(chained.evaluation))
}

function envelopesOf({
  promotion,
  policy,
  approvers,
  approvals,
  campaign,
}: PromotionChain): readonly Envelope[] {
  const ofCampaign = campaign === null ? [] : [...campaign.approvals, ...campaign.overrides]
  return [promotion, policy, ...approvers, ...approvals, ...ofCampaign]
}

/** One form of each envelope only: what was altered without altering what was signed was altered all the same. */
function requirePlain({ payload, signatures }: Envelope): void {
  for (const text of [payload, ...signatures.map(({ sig }) => sig)]) bytesOf(text)
  if (new Set(signatures.map(({ keyid }) => keyid)).size < signatures.length)
    throw new ChainBroken('a key signed the same twice')
}

/** Base64 in one form only: what was changed without changing the bytes was changed all the same. */
function bytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw new ChainBroken('it holds what is not base64')
  return bytes
}

function releaseSigners(
  { approvals }: PromotionChain,
  { name, version, envelopeSha256, environment }: PromotionStatement,
  roster: Roster,
): readonly string[] {
  return approvals.map((envelope) => {
    const { person, key } = roster(envelope)
    const said = openStatement(envelope, { type: RELEASE_APPROVAL_TYPE, key, schema: ReleaseApprovalSchema })
    if (said.person !== person) throw new ChainBroken(`${person}'s key speaks for ${said.person}`)
    const wanted = { name, version, envelopeSha256, environment }
    const { name: saidName, version: saidVersion, envelopeSha256: saidSha256, environment: saidFor } = said
    const about = { name: saidName, version: saidVersion, envelopeSha256: saidSha256, environment: saidFor }
    if (canonicalText(about) !== canonicalText(wanted))
      throw new ChainBroken(`${person} approved something else`)
    return person
  })
}

/** The rules of the policy that was in force, asked again. */
function ruleLinks(chain: PromotionChain, promotion: PromotionStatement, trust: ChainTrust): void {
  const { environment, alias, tags, roles, author, approvers } = promotion
  const policy = openPolicy(chain.policy, { keys: [trust.policyKey], environment, held: null })
  if (policy.digest !== promotion.policy.digest || policy.document.version !== promotion.policy.version)
    throw new ChainBroken('it was judged by another policy than the one that is here')
  const rules = policy.document.promotions
  const verdict = judgePromotion(rules, { alias, environment, tags, roles, author, approvers })
  if (verdict.kind === 'refused') throw new ChainBroken(verdict.reason)
  const said = { rules: promotion.rules, needed: promotion.needed }
  if (digestOf(said) !== digestOf({ rules: [...verdict.rules], needed: verdict.needed }))
    throw new ChainBroken(
      `it names the rules ${said.rules.join(', ')}, and ${verdict.rules.join(', ')} apply`,
    )
}
