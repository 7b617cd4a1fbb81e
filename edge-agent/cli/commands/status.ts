/** `starling status`: what runs on this data folder and how it stands. */
import type { AgentStatus } from '../../local-api/status.ts'
import { agentClient } from '../agent-client.ts'
import { recoveryWords } from '../../../shared/sql/recovery/note.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile } from '../run-files.ts'

/** Exit code `unavailable` when nothing runs. */
export async function status({ home, output }: Call): Promise<ExitCode> {
  const edge = readRunFile(home, 'edge')
  const hub = readRunFile(home, 'hub')
  const agent =
    edge === null ? null : ((await agentClient(edge.http).get('/v1/status')) as unknown as AgentStatus)
  output.answer({ data: home.root, hub, edge, agent }, [
    `data      ${home.root}`,
    `centre    ${hub === null ? 'not running' : `${hub.http} (process ${hub.pid})`}`,
    `edge      ${edge === null ? 'not running' : `${edge.http} (process ${edge.pid})`}`,
    ...(agent === null ? [] : agentLines(agent)),
  ])
  return edge === null && hub === null ? EXIT.unavailable : EXIT.ok
}

function agentLines(agent: AgentStatus): readonly string[] {
  const { outbox, policy } = agent
  const waiting = outbox.pending === 0 ? 'nothing waits' : `${outbox.pending} records wait to be sent`
  return [
    `device    ${agent.device} at ${agent.site} (${agent.environment})`,
    `link      ${agent.link}; ${waiting}${outbox.lastError === null ? '' : `; ${outbox.lastError}`}`,
    `policy    version ${policy.version}${policy.strict ? ', expired: the strict rules apply' : ''}, until ${policy.expiresAt}`,
    ...(policy.notice === null
      ? []
      : [`          WARNING: ${policy.notice.message}. ${policy.notice.remedy}`]),
    ...(agent.clock.problem === null
      ? []
      : [`clock     ${agent.clock.problem.message}. ${agent.clock.problem.remedy}`]),
    ...(agent.bundles.problem === null
      ? []
      : [`bundles   ${agent.bundles.problem.message}. ${agent.bundles.problem.remedy}`]),
    ...databaseLines(agent.database),
    ...agent.models.map(({ name, digest }) => `model     ${name} ${digest.slice(0, 12)}`),
    ...agent.installs.map((bundle) => `bundle    ${bundleWords(bundle)}`),
    ...writeLines(agent.writes),
    `context   ${agent.contextSyncedAt === null ? 'never synced' : `as of ${agent.contextSyncedAt}`}`,
  ]
}

function bundleWords({
  name,
  version,
  state,
  code,
  message,
  transfer,
}: AgentStatus['installs'][number]): string {
  const why = [code, message].filter((word) => word !== null).join(', ')
  const { moveBytes, fullBytes } = transfer ?? { moveBytes: 0, fullBytes: 0 }
  const how = moveBytes < fullBytes ? ` (by delta, in the place of ${fullBytes})` : ''
  return `${name} ${version} ${state}${why === '' ? '' : `: ${why}`}${transfer === undefined ? '' : `; ${moveBytes} bytes to move${how}`}`
}

function writeLines({ conflicts, rejected }: AgentStatus['writes']): readonly string[] {
  const said = [
    ...(conflicts === 0 ? [] : [`${conflicts} in conflict`]),
    ...(rejected === 0 ? [] : [`${rejected} not taken by the centre`]),
  ]
  return said.length === 0 ? [] : [`changes   ${said.join(', ')}: see starling context conflicts`]
}

function databaseLines({
  recovery,
  snapshotAt,
  journalFileProblem,
}: AgentStatus['database']): readonly string[] {
  const kept = snapshotAt === null ? 'no snapshot yet' : `snapshot of ${snapshotAt}`
  return [
    `database  ${recovery === null ? 'sound' : recoveryWords(recovery)}; ${kept}`,
    ...(journalFileProblem === null
      ? []
      : [`journal   stands in the database alone, its file cannot be written: ${journalFileProblem}`]),
  ]
}
