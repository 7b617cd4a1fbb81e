/** `starling rollout`: campaigns at the centre that runs here. `watch` is in rollout-watch.ts, `simulate` needs no centre. */
import { readFileSync } from 'node:fs'
import { signApproval } from '../../../rollout/campaign/approval.ts'
import { signResumption } from '../../../rollout/campaign/resumption.ts'
import { signOverride, verdictDigest } from '../../../rollout/campaign/override.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { Envelope } from '../../../shared/signing/envelope.ts'
import type { Call } from '../call.ts'
import { operating, readPersonKey, type AsOption, type Operating } from '../operate.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { explanationLines, statusLines, type Campaign, type Explanation } from './rollout-lines.ts'

export interface CreateOptions extends AsOption {
  readonly bundle: string
  readonly bundleVersion: string
  readonly rings?: readonly number[]
  readonly dwellMinutes?: number
  readonly approvals?: number
  readonly emergency: boolean
  readonly plan?: string
}

export class NothingHeld extends StarlingError {
  override readonly code = 'nothing_held'
}

export class PlanFileRefused extends StarlingError {
  override readonly code = 'plan_file_refused'
}

const MINUTE_MS = 60_000

export async function rolloutCreate(call: Call, campaign: string, options: CreateOptions): Promise<ExitCode> {
  const { bundle, bundleVersion, rings, dwellMinutes, approvals, emergency, plan } = options
  const made = (await operating(call, options).send('POST', '/api/rollouts', {
    campaign,
    bundle,
    version: bundleVersion,
    urgency: emergency ? 'emergency' : 'usual',
    ...(rings === undefined ? {} : { shares: rings }),
    ...(dwellMinutes === undefined ? {} : { dwellMs: dwellMinutes * MINUTE_MS }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(plan === undefined ? {} : { plan: readPlan(plan) }),
  })) as Campaign
  call.output.answer(made, [
    ...statusLines(made),
    `next: starling rollout approve ${campaign} --key FILE, by ${made.approvals.needed} other${made.approvals.needed === 1 ? '' : 's'} than ${made.plan.author}`,
  ])
  return EXIT.ok
}

export async function rolloutStatus(
  call: Call,
  campaign: string | undefined,
  as: AsOption,
): Promise<ExitCode> {
  const centre = operating(call, as)
  if (campaign !== undefined) {
    const seen = (await centre.get(pathOf(campaign))) as Campaign
    call.output.answer(seen, statusLines(seen))
    return EXIT.ok
  }
  const { rollouts } = (await centre.get('/api/rollouts')) as {
    rollouts: readonly {
      readonly campaign: string
      readonly bundle: string
      readonly version: string
      readonly phase: string
      readonly author: string
      readonly createdAt: string
    }[]
  }
  const lines = rollouts.map(
    (one) =>
      `${one.campaign}  ${one.bundle} ${one.version}  ${one.phase.replaceAll('_', ' ')}  by ${one.author}, ${one.createdAt}`,
  )
  call.output.answer({ rollouts }, lines.length === 0 ? ['There is no campaign.'] : lines)
  return EXIT.ok
}

export async function rolloutExplain(call: Call, campaign: string, as: AsOption): Promise<ExitCode> {
  const why = (await operating(call, as).get(`${pathOf(campaign)}/explanation`)) as Explanation
  call.output.answer(why, explanationLines(why))
  return EXIT.ok
}

export async function rolloutApprove(
  call: Call,
  campaign: string,
  options: AsOption & { readonly key: string },
): Promise<ExitCode> {
  const centre = operating(call, options)
  const key = readPersonKey(options.key)
  const { planDigest } = (await centre.get(pathOf(campaign))) as Campaign
  const envelope = signApproval({ campaign, planDigest }, key)
  const seen = (await centre.send('POST', `${pathOf(campaign)}/approve`, { envelope })) as Campaign
  call.output.answer(seen, [
    `signed the plan ${planDigest.slice(0, 12)} of ${campaign} with the key ${key.publicKey.id.slice(0, 12)}`,
    ...statusLines(seen),
  ])
  return EXIT.ok
}

/** Signs what the gates say now, and that the open ring may pass all the same. */
export async function rolloutPromote(
  call: Call,
  campaign: string,
  options: AsOption & { readonly key: string; readonly reason: string },
): Promise<ExitCode> {
  const centre = operating(call, options)
  const key = readPersonKey(options.key)
  const { planDigest, rings } = (await centre.get(pathOf(campaign))) as Campaign
  const open = rings.at(-1)
  if (open?.outcome !== 'open' || open.verdict === null)
    throw new NothingHeld(`no ring of ${campaign} is open whose gates were asked`, {
      remedy: `See where it stands: starling rollout status ${campaign}.`,
    })
  const { reason } = options
  const said = { campaign, planDigest, ring: open.name, verdictDigest: verdictDigest(open.verdict), reason }
  const envelope = signOverride(said, key)
  const seen = (await centre.send('POST', `${pathOf(campaign)}/promote`, { envelope })) as Campaign
  call.output.answer(seen, [
    `signed that the ring ${open.name} may pass although its gates say ${open.verdict.decision}; it does so after its dwell time, unless they halt it`,
    ...statusLines(seen),
  ])
  return EXIT.ok
}

export async function rolloutDecide(
  call: Call,
  { campaign, word }: { readonly campaign: string; readonly word: string },
  options: AsOption & { readonly reason: string; readonly key?: string },
): Promise<ExitCode> {
  const { reason, key } = options
  const centre = operating(call, options)
  const envelope = key === undefined ? {} : { envelope: await resumption(centre, campaign, key) }
  const body = { reason, ...envelope }
  const seen = (await centre.send('POST', `${pathOf(campaign)}/${word}`, body)) as Campaign
  call.output.answer(seen, statusLines(seen))
  return EXIT.ok
}

/** Signed over the halt as it stands. */
async function resumption(centre: Operating, campaign: string, keyFile: string): Promise<Envelope> {
  const key = readPersonKey(keyFile)
  const { planDigest, generation } = (await centre.get(pathOf(campaign))) as Campaign
  return signResumption({ campaign, planDigest, generation }, key)
}

function pathOf(campaign: string): string {
  return `/api/rollouts/${encodeURIComponent(campaign)}`
}

function readPlan(path: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    throw new TypeError('it is no JSON object')
  } catch (cause) {
    throw new PlanFileRefused(`${path} is no plan: ${(cause as Error).message}`, {
      remedy:
        'Write the fields that shall differ, as a JSON object: {"freezes": [], "hardware": ["arm64-linux"]}.',
      cause,
    })
  }
}
