/** One name for all that a campaign knows: two machines that took the same events compare this and nothing else. */
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { Sha256Hex } from '../../shared/ids.ts'
import type { Json } from '../../shared/json.ts'
import type { CampaignState, SiteStanding, Standing } from './state.ts'
import type { Health } from './events.ts'

/**
 * SHA-256 over the canonical form of the state, devices and sites by their names. The agenda is left out: it only repeats, for
 * the next tick, what the devices say. Costs a walk over the fleet: for checkpoints and comparisons, not for every event.
 */
export function stateHash(state: CampaignState): Sha256Hex {
  const { devices, sites, evidence, agenda: _agenda, plan: _plan, ...rest } = state
  return digestOf({
    ...(rest as unknown as Record<string, Json>),
    evidence: evidence.ledger() as unknown as Json,
    devices: linesHash(devices.values(), lineOf),
    sites: linesHash(sites.values(), siteLine),
  })
}

/** Fields in a fixed order, so that JSON writes equal things alike. */
function lineOf({
  device,
  facts,
  left,
  asking,
  grant,
  risk,
  watch,
  report,
}: Standing): readonly [string, ...unknown[]] {
  return [
    device,
    facts && [facts.sequence, facts.site, facts.hardware, facts.utcOffsetMinutes],
    left,
    asking,
    grant && [grant.generation, grant.ring, grant.atMs, grant.shadowInputs],
    risk,
    watch && [
      watch.round,
      watch.arm,
      watch.isNew,
      watch.sinceMs,
      watch.begun,
      watch.enteredMs,
      countsLine(watch.from),
      watch.installJudged,
      watch.judged,
      watch.heard.sequence,
      watch.heard.atMs,
      watch.shadow.inputs,
      watch.shadow.worse,
      watch.shadow.better,
    ],
    report && [
      report.sequence,
      report.generation,
      report.stands,
      report.code,
      countsLine(report.usual),
      countsLine(report.candidate),
      report.shadow && [report.shadow.inputs, report.shadow.worse, report.shadow.better],
    ],
  ]
}

function countsLine(health: Health | null): readonly unknown[] | null {
  return (
    health && [
      health.upMs,
      health.crashes,
      health.interventions,
      health.turns,
      health.latencyMsSum,
      health.confidenceSum,
    ]
  )
}

function siteLine(standing: SiteStanding): readonly [string, ...unknown[]] {
  const { site, devices, atRisk, bytes, window, windowBytes, fetched } = standing
  return [site, devices, atRisk, bytes, window, windowBytes, fetched]
}

function linesHash<T>(
  items: Iterable<T>,
  fieldsOf: (item: T) => readonly [name: string, ...fields: unknown[]],
): string {
  const lines: (readonly [name: string, line: string])[] = []
  for (const item of items) {
    const fields = fieldsOf(item)
    lines.push([fields[0], JSON.stringify(fields)])
  }
  lines.sort(([a], [b]) => (a < b ? -1 : 1))
  return sha256Hex(lines.map(([, line]) => line).join('\n'))
}
