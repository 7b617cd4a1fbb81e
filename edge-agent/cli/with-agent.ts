/**
 * The agent for one command: the one that runs, else one that is started for the while and stopped after. An enrolled
 * device needs its edge part alone, as it would offline; a new one needs the centre once, to be enrolled.
 */
import { takeFolderLock } from '../../shared/folder-lock.ts'
import { agentClient, type AgentClient } from './agent-client.ts'
import type { Call } from './call.ts'
import { issueToken } from './operator.ts'
import { openPartLogs } from './part-logs.ts'
import { isEnrolled, startEdge, startHub } from './parts.ts'
import { readRunFile } from './run-files.ts'

export const USUAL_DEVICE = 'device-1'
export const USUAL_SITE = 'site-1'

export async function withAgent<T>(call: Call, use: (agent: AgentClient) => Promise<T>): Promise<T> {
  const running = readRunFile(call.home, 'edge')
  if (running !== null) return await use(agentClient(running.http))
  const lock = takeFolderLock(call.home.root, 'starling')
  try {
    if (!isEnrolled(call.home)) await enrolOnce(call)
    call.output.progress('no agent is running: starting one for this command')
    const edge = await startEdge(startOf(call), {
      hub: null,
      leafUrl: null,
      port: 0,
      leafPort: 0,
      device: USUAL_DEVICE,
      site: USUAL_SITE,
      token: null,
    })
    try {
      return await use(agentClient(edge.run.http))
    } finally {
      await edge.part.stop()
    }
  } finally {
    lock.release()
  }
}

/** Starts the centre and the device once, so that the device has its identity, policy, models and data. */
async function enrolOnce(call: Call): Promise<void> {
  call.output.progress('this folder has no device yet: starting a centre once, to enrol one')
  const hub = await startHub(startOf(call), { port: 0, natsPort: 0, leafPort: 0, sampleData: true })
  try {
    const names = { device: USUAL_DEVICE, site: USUAL_SITE }
    const token = await issueToken(hub.run, names)
    const edge = await startEdge(startOf(call), {
      hub: hub.run.http,
      leafUrl: hub.run.leaf,
      port: 0,
      leafPort: 0,
      ...names,
      token,
    })
    await edge.part.stop()
  } finally {
    await hub.part.stop()
  }
}

function startOf(call: Call): Parameters<typeof startHub>[0] {
  const logs = openPartLogs(call.output, { quiet: true })
  return { home: call.home, signal: call.signal, onLog: (line) => logs.take(line) }
}
