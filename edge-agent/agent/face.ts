/** The agent's local API over the device's parts: turns one after another, models alone, records, status. */
import { serve, type ServerType, type WebSocketServerLike } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { systemClock } from '../../shared/clock.ts'
import type { Closers } from '../../shared/closers.ts'
import { freePort, LOOPBACK } from '../../shared/fabric/free-port.ts'
import { packageRoot } from '../../shared/package-root.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import type { FieldParts } from '../actions/field-performer.ts'
import { Recorder } from '../adaptation/recorder.ts'
import { deviceRecordings } from '../adaptation/device-recordings.ts'
import { speechParts } from '../adaptation/voice.ts'
import { fieldAction } from '../actions/field-actions.ts'
import { inboxPerformer } from '../actions/people.ts'
import { listRecords, showRecord, verifyAll } from '../audit/record-views.ts'
import { openLocalWrites } from '../context/local-writes.ts'
import { countWrites } from '../context/reads.ts'
import type { ContextSync } from '../context/sync.ts'
import { sliceOver } from '../context/verify.ts'
import { contextViews } from '../context/views.ts'
import { openWriteDesk, type WriteDesk } from '../context/write-desk.ts'
import { builtDomains } from '../home.ts'
import type { ContextViews } from '../local-api/context.ts'
import { localApi } from '../local-api/routes.ts'
import type { AgentStatus } from '../local-api/status.ts'
import { memoryReadPerformer, memoryWritePerformer } from '../memory/turn-memory.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { TakeTurn } from '../local-api/talk.ts'
import { conductTurn, type TurnParts } from '../turn/conduct.ts'
import { transcribe, understand } from '../turn/model-calls.ts'
import type { Ears, Mind } from '../turn/ports.ts'
import type { TurnResult } from '../turn/result.ts'
import { wavSource } from '../turn/wav-source.ts'
import { countedTurn } from './counted-turn.ts'
import type { Health } from '../update/health.ts'
import { realDisk } from '../models-store/disk.ts'
import { hasRoots, repositoriesIn } from '../update/roots.ts'
import type { CentreClock } from '../update/centre-clock.ts'
import type { Device } from './agent.ts'
import { askOver } from './asking.ts'
import { contextPack } from '../context/pack.ts'
import type { QuestionParts } from '../context/questions.ts'
import { contextQuestions, questionParts, type Knowledge } from './knowing.ts'
import { openDomainShelf } from './domain-shelf.ts'
import { databaseStatus } from './recovered.ts'
import { agentStatus } from './status.ts'
import { TurnQueue } from './turn-queue.ts'

/** The page shows the last turns since the start; the journal has them all. */
const KEPT_TURNS = 100
/** How a caller names the released model where another is chosen for dictation. */
const RELEASED = 'default'

export interface Face extends Device {
  readonly outbox: Outbox
  readonly sync: ContextSync
  readonly centreClock: CentreClock
  readonly health: Pick<Health, 'taken'>
  readonly knowledge: Knowledge
  random(sizeBytes: number): Uint8Array
}

/** Serves on loopback and returns the address. */
export async function serveLocally(face: Face, closers: Closers): Promise<string> {
  const { ledger, identity } = face
  const { db, journal } = ledger
  const turns: TurnResult[] = []
  const queue = new TurnQueue()
  const person: Principal = { kind: 'person', id: face.options.person, roles: ['technician'] }
  const voice = {
    kernel: ledger.kernel,
    db,
    recordings: deviceRecordings(face.options.data, identity.keyPair),
    clock: systemClock,
    log: face.run.log,
  }
  await voice.recordings.tidy(systemClock.nowMs())
  const recorder = new Recorder(voice)
  const questions = questionParts(face, face.knowledge, { principal: person, sync: face.sync })
  const shelf = openDomainShelf({
    models: face.models,
    installer: face.installer,
    builtDir: builtDomains(face.options.data),
  })
  const takeTurn: TakeTurn = async (audio, onPartial, domain = null) => {
    const result = await queue.run(async () => {
      const tapped = recorder.tap(audio)
      const parts = turnParts(face, questions, await shelf.take(domain))
      const taken = await conductTurn(parts, tapped.audio, onPartial)
      await recorder.after(taken, { sampleRateHz: audio.sampleRateHz, samples: tapped.heard() }, person)
      return taken
    })
    const counted = countedTurn(result)
    if (counted !== null) face.health.taken(counted)
    turns.push(result)
    if (turns.length > KEPT_TURNS) turns.shift()
    return result
  }
  const calls = () => ({ kernel: ledger.kernel, principal: person })
  const app = localApi({
    takeTurn,
    readAudio: wavSource,
    transcribe: async (audio, { model, domain, isOpen }) => {
      if (isOpen)
        return await transcribe({ ...calls(), ears: await face.models.dictation() }, audio, () => undefined)
      const name = model ?? (domain === null ? face.dictation.chosen() : null)
      const ears =
        name === null || name === RELEASED ? (await shelf.take(domain)).ears : await face.dictation.ears(name)
      return await transcribe({ ...calls(), ears }, audio, () => undefined)
    },
    understand: async (text, domain) => {
      const { mind } = await shelf.take(domain)
      return await understand({ ...calls(), mind }, text)
    },
    recentTurns: async (limit) => turns.slice(-limit),
    records: {
      list: async (limit) => await listRecords(journal, limit),
      show: async (id) => await showRecord(journal, id),
      verify: async () => await verifyAll({ db, journal, key: identity.keyPair.publicKey }),
    },
    speech: speechParts(voice, person),
    context: contextOf(face),
    writes: writesOf(face, person),
    questions: contextQuestions(questions),
    status: async () => await statusOf(face),
    metrics: async () => await metricsOf(face),
    pageDir: new URL('edge-agent/page/', packageRoot()),
  })
  const port = await freePort(face.options.port)
  const server = await listen(app.fetch, port)
  closers.add(async () => await closeServer(server))
  return `http://${LOOPBACK}:${port}`
}

function contextOf({ ledger, sync, connection, identity }: Face): ContextViews {
  const ask = askOver(connection, identity.tenant, identity.device)
  return contextViews({ sql: ledger.db, sync, slice: sliceOver(ask) })
}

/** What changes by itself is read when somebody looks. */
async function metricsOf({ ledger, metrics, sync }: Face): Promise<string> {
  const { lag, stalenessMs, tables } = sync.status()
  metrics.gauge('starling_context_lag_transactions', lag)
  if (stalenessMs !== null) metrics.gauge('starling_context_staleness_seconds', stalenessMs / 1_000)
  for (const { table, pending } of tables)
    metrics.gauge('starling_context_waiting_operations', pending, { table })
  for (const [state, count] of Object.entries(await countWrites(ledger.db)))
    metrics.gauge('starling_writes', count, { state })
  return metrics.render()
}

/** Made anew for each turn: it begins with the models and the policy of this moment and ends with them. */
function turnParts(
  face: Face,
  questions: QuestionParts,
  { ears, mind }: { readonly ears: Ears; readonly mind: Mind },
): TurnParts {
  const { ledger } = face
  const { principal } = questions
  const pack = contextPack(questions)
  const field: FieldParts = {
    clock: systemClock,
    person: principal.id,
    writes: openLocalWrites({ journal: ledger.journal, clock: systemClock }),
  }
  return {
    kernel: ledger.kernel,
    ears,
    mind,
    clock: systemClock,
    random: (size) => face.random(size),
    principal,
    thresholds: ledger.policy.current().document.thresholds,
    context: { pack: pack.performer, clearance: () => pack.clearance() },
    memory: { read: memoryReadPerformer(), write: memoryWritePerformer() },
    askHuman: inboxPerformer(field),
    action: (intent, slots, memory) => fieldAction(field, intent, slots, memory),
  }
}

function writesOf({ ledger, sync }: Face, person: Principal): WriteDesk {
  const { db, kernel, journal } = ledger
  return openWriteDesk({
    sql: db,
    kernel,
    writes: openLocalWrites({ journal, clock: systemClock }),
    person,
    staleness: () => {
      const { syncedAt, stalenessMs } = sync.status()
      return { syncedAt, stalenessMs }
    },
  })
}

async function statusOf(face: Face): Promise<AgentStatus> {
  const { identity, ledger, leaf, outbox, models, sync, centreClock } = face
  return await agentStatus({
    identity,
    sql: ledger.db,
    journal: ledger.journal,
    policy: ledger.policy,
    clock: systemClock,
    centreClock,
    link: () => leaf.link().kind,
    outbox: () => outbox.state(),
    hasRoots: async () =>
      identity.roots !== null ||
      (await hasRoots({ folder: repositoriesIn(face.options.data), disk: realDisk })),
    models: () => models.facts(),
    installs: async () => await face.installer.report(),
    syncedAt: () => sync.status().syncedAt,
    database: async () => await databaseStatus(face.options.data, ledger.journal.fileFault()),
  })
}

async function listen(fetch: Parameters<typeof serve>[0]['fetch'], port: number): Promise<ServerType> {
  return await new Promise((resolve, reject) => {
    // What the adapter asks for is what `ws` is; only optional properties are spelled otherwise.
    const sockets = new WebSocketServer({ noServer: true }) as unknown as WebSocketServerLike
    const websocket = { server: sockets }
    const server = serve({ fetch, port, hostname: LOOPBACK, websocket }, () => resolve(server))
    server.once('error', reject)
  })
}

async function closeServer(server: ServerType): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
