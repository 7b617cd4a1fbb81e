/** A small agent of the real parts: journal, leaf and outbox. It appends records under its seed and says which are durable. */
import { setTimeout as delay } from 'node:timers/promises'
import { startLeaf } from '../../edge-agent/leaf/leaf.ts'
import { openOutbox } from '../../edge-agent/outbox/outbox.ts'
import { systemClock } from '../../shared/clock.ts'
import { reportError } from '../../shared/errors.ts'
import { parseDeviceId, parseSiteId, parseTenantId, uuidV7 } from '../../shared/ids.ts'
import { openJournal, type Journal } from '../../shared/journal/journal.ts'
import type { JournalBody } from '../../shared/journal/record.ts'
import { loadKeyPair, loadPublicKey } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { seeded } from '../../shared/seeded.ts'
import { AgentSetup, readSetup, say } from './setup.ts'

const setup = readSetup(AgentSetup, process.argv[2])
const stopping = new AbortController()
const draining = new AbortController()

async function main(): Promise<void> {
  const device = parseDeviceId(setup.device)
  const tenant = parseTenantId(setup.tenant)
  const db = await openDatabase({ dir: `${setup.dir}/db`, onFatal: (error) => fail(error) })
  const journal = await openJournal({
    db,
    origin: device,
    key: loadKeyPair(setup.key),
    clock: systemClock,
  })
  let nudge = (): void => undefined
  const leaf = await startLeaf({
    binary: setup.binary,
    dir: `${setup.dir}/leaf`,
    site: parseSiteId(setup.site),
    trust: setup.trust,
    port: 0,
    link: setup.link,
    maxStoreBytes: 64 * 1024 * 1024,
    onEvent: (event) => {
      if (event.kind === 'started') say({ leaf: 'started', pid: event.pid })
      else if (event.kind === 'given_up') fail(event.error)
      else if (event.kind === 'log' && event.level !== 'info') say({ note: event.text })
      else if (event.kind === 'storage_lost') say({ note: event.text })
    },
    onLink: (state) => {
      say({ link: state.kind })
      if (state.kind === 'up') nudge()
    },
    nowMs: () => Date.now(),
    signal: stopping.signal,
  })
  const connection = await leaf.connect({ device, creds: setup.creds, name: 'agent' })
  const outbox = await openOutbox({
    tenant,
    device,
    journal,
    connection,
    centre: loadPublicKey(setup.centre),
    clock: systemClock,
    maxLeafStreamBytes: 16 * 1024 * 1024,
    onEvent: (event) => {
      if (event.kind === 'receipted') say({ receipted: event.seq })
      else say({ outbox: { ...event } })
    },
  })
  nudge = () => outbox.nudge()
  process.stdin.on('data', () => draining.abort())
  const stop = async (): Promise<void> => {
    stopping.abort()
    await outbox.stop()
    await connection.close()
    await leaf.stop()
    await db.close()
    process.exit(0)
  }
  process.stdin.on('end', () => void stop())
  process.once('SIGTERM', () => void stop())
  const head = await journal.head()
  say({ ready: true, head: head.seq, receipted: outbox.state().receiptedSeq })
  await append(journal)
  say({ head: (await journal.head()).seq, receipted: outbox.state().receiptedSeq })
}

async function append(journal: Journal): Promise<void> {
  const random = seeded(setup.seed)
  const signal = AbortSignal.any([stopping.signal, draining.signal])
  while (!signal.aborted) {
    const count = 1 + Math.floor(random() * 5)
    try {
      const records = await journal.transaction(async (tx) => {
        const made = []
        for (let index = 0; index < count; index++) made.push(await journal.append(tx, bodyOf(random)))
        return made
      })
      say({ acked: records.map(({ seq, hash, body, id }) => [seq, hash, body.kind, id]) })
    } catch (thrown) {
      say({ refused: reportError(thrown).code })
      await delay(100)
    }
    await delay((1_000 / setup.rate) * count * 2 * random(), undefined, { signal }).catch(() => undefined)
  }
}

function bodyOf(random: () => number): JournalBody {
  const of = uuidV7(
    Date.now(),
    new Uint8Array(10).map(() => Math.floor(random() * 256)),
  )
  if (random() < 0.5)
    return { kind: 'outcome', of, status: 'performed', code: null, durationUs: 1, output: null }
  const patch = JSON.stringify({ note: 'x'.repeat(Math.floor(random() * 400)) })
  return { kind: 'write', of, table: 'note', key: of, patch, baseVersion: 0 }
}

function fail(error: unknown): void {
  say({ error: { ...reportError(error) } })
  process.exit(1)
}

main().catch((error: unknown) => fail(error))
