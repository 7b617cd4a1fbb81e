/** A campaign in words: where it stands, and why its gates said what they said. */
import type { Outlook } from '../../../rollout/campaign/outlook.ts'
import type { GateVerdict } from '../../../rollout/gates/judge.ts'

export interface Campaign {
  readonly campaign: string
  readonly phase: string
  readonly ring: string | null
  readonly generation: number
  readonly runs: 'candidate' | 'last_good'
  readonly seq: number
  readonly stateHash: string
  readonly planDigest: string
  readonly counts: {
    readonly fleet: number
    readonly exposed: number
    readonly atRisk: number
    readonly proven: number
    readonly failed: number
    readonly returned: number
  }
  readonly rings: readonly {
    readonly name: string
    readonly outcome: string
    readonly planned: { readonly treated: number; readonly control: number }
    readonly verdict: GateVerdict | null
  }[]
  /** Per ring how many devices are at each stage. */
  readonly progress: {
    readonly rings: readonly { readonly stages: { readonly parked: number } }[]
  }
  readonly approvals: { readonly needed: number; readonly by: readonly string[] }
  readonly resumersNeeded: number
  readonly plan: {
    readonly author: string
    readonly candidate: { readonly name: string; readonly version: string }
    readonly lastGood: { readonly version: string }
  }
  readonly decisions: readonly {
    readonly kind: string
    readonly by?: string
    readonly reason?: string
    readonly ring?: string
  }[]
  readonly stragglers: readonly { readonly device: string; readonly site: string; readonly why: string }[]
}

export interface Explanation {
  readonly campaign: string
  readonly phase: string
  readonly now: {
    readonly ring: string
    readonly outcome: string
    readonly verdict: GateVerdict | null
  } | null
  readonly outlook: Outlook | null
  readonly kept: readonly {
    readonly ring: string
    readonly outcome: string
    readonly at: string
    readonly verdict: GateVerdict | null
  }[]
  readonly decisions: Campaign['decisions']
}

/** Names of stragglers that are printed; `--json` has more. */
const SHOWN = 10

export function statusLines(seen: Campaign): readonly string[] {
  const { counts, plan, approvals, resumersNeeded, stragglers } = seen
  const behind = stragglers
    .slice(0, SHOWN)
    .map(({ device, why }) => `${device} (${why.replaceAll('_', ' ')})`)
  return [
    `${seen.campaign}: ${phrase(seen)}; ${plan.candidate.name} ${plan.lastGood.version} -> ${plan.candidate.version}`,
    `  devices    ${counts.exposed} of ${counts.fleet} were given it: ${counts.proven} proven, ${counts.atRisk} at risk, ${counts.failed} failed, ${counts.returned} returned${parkedPhrase(seen)}`,
    `  approvals  ${approvals.by.length} of ${approvals.needed}${approvals.by.length === 0 ? '' : `: ${approvals.by.join(', ')}`}`,
    ...seen.rings.map((ring) => `  ring       ${ringPhrase(ring)}`),
    ...(resumersNeeded === 0 ? [] : [`  resume     needs ${resumersNeeded} more`]),
    ...(behind.length === 0 ? [] : [`  behind     ${behind.join(', ')}`]),
    `  state      ${seen.stateHash} after ${seen.seq} events`,
  ]
}

/** Those whose tries are used up run what they ran before: they are among the returned, and wait for somebody. */
function parkedPhrase({ progress }: Campaign): string {
  const parked = progress.rings.reduce((sum, { stages }) => sum + stages.parked, 0)
  return parked === 0 ? '' : `, ${parked} of them parked`
}

/** One line for a change. */
export function changeLine(campaign: Campaign): string {
  const { campaign: name, counts, seq, rings } = campaign
  const verdict = rings.at(-1)?.verdict
  const said = verdict == null ? '' : `, gates say ${verdict.decision}${reasonOf(verdict)}`
  return `${name} #${seq}  ${phrase(campaign)}  given ${counts.exposed}/${counts.fleet}, proven ${counts.proven}, at risk ${counts.atRisk}, returned ${counts.returned}${parkedPhrase(campaign)}${said}`
}

export function explanationLines({
  campaign,
  phase,
  now,
  outlook,
  kept,
  decisions,
}: Explanation): readonly string[] {
  return [
    `${campaign} is ${phase.replaceAll('_', ' ')}`,
    ...decisions.map(
      ({ kind, by, reason, ring }) =>
        `  ${kind.replaceAll('_', ' ')}${ring === undefined ? '' : ` ${ring}`}${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}`,
    ),
    ...kept.flatMap(({ ring, outcome, at, verdict }) => [
      `${at}  ring ${ring}, ${outcome}`,
      ...verdictLines(verdict),
    ]),
    ...(now === null
      ? [
          phase === 'awaiting_approval'
            ? `No ring is open before it is approved: starling rollout approve ${campaign} --key FILE, by another than its author.`
            : 'No ring was opened.',
        ]
      : [`now  ring ${now.ring}, ${now.outcome}`, ...verdictLines(now.verdict)]),
    ...(outlook === null ? [] : [`next  ${outlook.text}`, ...outlook.awaits.map(({ text }) => `  ${text}`)]),
  ]
}

function verdictLines(verdict: GateVerdict | null): readonly string[] {
  if (verdict === null) return ['  the gates were not asked yet']
  return [
    `  ${verdict.decision}${reasonOf(verdict)}`,
    ...verdict.evidence.map(({ text, needed }) => `    ${needed ? '*' : ' '} ${text}`),
    ...(verdict.evidence.length === 0 ? [] : ['    (*: the ring needs this one to be promoted)']),
  ]
}

function phrase({ phase, ring, runs }: Pick<Campaign, 'phase' | 'ring' | 'runs'>): string {
  const where = ring === null || phase !== 'running' ? '' : ` in ring ${ring}`
  const back = phase === 'halted' || phase === 'cancelled' ? ', back to the last good bundle' : ''
  return `${phase.replaceAll('_', ' ')}${where}${runs === 'last_good' ? back : ''}`
}

function ringPhrase({ name, outcome, planned, verdict }: Campaign['rings'][number]): string {
  const said = verdict === null ? '' : `, gates say ${verdict.decision}${reasonOf(verdict)}`
  return `${name}: ${outcome}, ${planned.treated} devices against ${planned.control}${said}`
}

function reasonOf({ holdReason }: GateVerdict): string {
  return holdReason === null ? '' : ` (${holdReason.replaceAll('_', ' ')})`
}
