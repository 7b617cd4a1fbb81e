/** The thread in which PGlite runs: its statements block, for as long as they take. Started by worker-link.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { invariant } from '../errors.ts'
import type { Reply, Request, WorkerInput } from './messages.ts'
import { Meters } from './meters.ts'
import { Session } from './session.ts'
import type { Ran } from './session.ts'
import { CHECKPOINT_WAL_BYTES, startParams } from './settings.ts'
import { SyncingNodeFs } from './syncing-fs.ts'

/** Lines of PostgreSQL's log kept to say why it died. */
const LOG_LINES = 20

invariant(parentPort !== null, 'the database worker runs in a worker thread')
const port = parentPort
const input = workerData as WorkerInput
const meters = new Meters(input.meters)
const log: string[] = []

function send(reply: Reply): void {
  if (reply.kind === 'done') port.postMessage(reply, [reply.bytes.buffer])
  else port.postMessage(reply)
}

function why(error: unknown): string {
  const lines = log.filter((line) => /PANIC|FATAL|ERROR/.test(line))
  return [error instanceof Error ? error.message : String(error), ...(lines.length === 0 ? log : lines)].join(
    '; ',
  )
}

function open(): Promise<PGlite> {
  return PGlite.create({
    fs: new SyncingNodeFs(input.dataDir, meters),
    startParams: startParams(),
    // What search stands on; a database has them once a migration has created them.
    extensions: { pg_trgm, vector },
    onStderr: (line) => {
      log.push(line)
      if (log.length > LOG_LINES) log.shift()
      return true
    },
  })
}

async function serve(session: Session, pg: PGlite, request: Request): Promise<void> {
  const { id, work } = request
  const diskFullBefore = meters.read('diskFullErrors')
  try {
    if (work.kind === 'close') {
      await pg.close()
      send({ kind: 'done', id, bytes: new Uint8Array(0) })
      port.close()
      return
    }
    const ran = work.kind === 'checkpoint' ? await checkpoint(session) : await session.run(work)
    if (ran.kind === 'done') send({ kind: 'done', id, bytes: ran.bytes })
    else send({ kind: 'refused', id, refusal: ran.refusal })
    await boundWal(session)
  } catch (error) {
    send({ kind: 'died', id, reason: why(error), diskFull: meters.read('diskFullErrors') > diskFullBefore })
    port.close()
    // A panicked engine must not write again, not even what its exit handlers would flush.
    process.exit(1)
  }
}

/** Inside a transaction too: one long load would otherwise fill the disk with WAL. */
async function boundWal(session: Session): Promise<void> {
  if (meters.read('walBytesSinceCheckpoint') >= CHECKPOINT_WAL_BYTES) await checkpoint(session)
}

async function checkpoint(session: Session): Promise<Ran> {
  const ran = await session.checkpoint()
  meters.reset('walBytesSinceCheckpoint')
  return ran
}

async function main(): Promise<void> {
  const diskFullBefore = meters.read('diskFullErrors')
  let pg: PGlite
  try {
    pg = await open()
  } catch (error) {
    send({
      kind: 'open-failed',
      reason: why(error),
      diskFull: meters.read('diskFullErrors') > diskFullBefore,
    })
    port.close()
    return
  }
  const session = new Session(pg)
  let last = Promise.resolve()
  port.on('message', (request: Request) => {
    last = last.then(() => serve(session, pg, request))
  })
  send({ kind: 'opened' })
}

await main()
