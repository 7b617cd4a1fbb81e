/**
 * Records a second from `append` on the device to the receipt that says that the centre has stored them, as a share of a bare
 * JetStream publish loop on the same machine at equal durability: both acknowledge a record only when it would survive a
 * power cut, so the bare loop syncs a file after each acknowledgement (nats-server 2.9 does not, and has no setting for it).
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { JournalBody } from '../../shared/journal/record.ts'
import { ensureStream, openStreamApi } from '../../shared/fabric/stream.ts'
import { uuidV7 } from '../../shared/ids.ts'
import { openStage, type Stage } from '../fabric/stage.ts'
import type { BenchReport, BenchRow } from './report.ts'

/** One by one, and as the turns of a busy site commit together; each long enough that the last receipt's delay counts little. */
const LOADS = [
  { group: 1, records: 1_500 },
  { group: 16, records: 6_400 },
  { group: 64, records: 12_800 },
] as const
type Load = (typeof LOADS)[number]
const ROUNDS = 3

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const dir = mkdtempSync(join(tmpdir(), 'starling-bench-outbox-'))
  progress('starting hub, leaf, centre and device')
  const stage = await openStage({ dir })
  const bare = await stage.hub.connect('bench')
  await ensureStream(await openStreamApi(bare), {
    name: 'BARE',
    subject: 'bare.records',
    maxBytes: 64 * 1024 * 1024,
    discard: 'old',
  })
  const rows: BenchRow[] = []
  try {
    for (const load of LOADS) {
      const { group } = load
      const ours: number[] = []
      const theirs: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        progress(`groups of ${group}, round ${round + 1} of ${ROUNDS}`)
        theirs.push(await bareLoop(bare, { dir, load }))
        ours.push(await endToEnd(stage, load))
      }
      const name = group === 1 ? 'one by one' : `${group} a commit`
      const baseline = median(theirs)
      rows.push(
        { name: `records end to end, ${name}`, value: median(ours), unit: 'records/s', baseline },
        {
          name: `share of the bare loop, ${name}`,
          value: median(ours.map((own, index) => own / (theirs[index] ?? Number.NaN))),
          unit: 'ratio',
          goal: { op: '>=', value: 0.5 },
        },
      )
    }
  } finally {
    await bare.close()
    await stage.close()
    rmSync(dir, { recursive: true, force: true })
  }
  return { bench: 'outbox', rows }
}

async function endToEnd(stage: Stage, { group, records }: Load): Promise<number> {
  const { journal } = stage
  const startedMs = performance.now()
  for (let made = 0; made < records; made += group)
    await journal.transaction(async (tx) => {
      for (let index = 0; index < group; index++) await journal.append(tx, body())
    })
  const { seq } = await journal.head()
  await stage.receipted(seq)
  return rate(records, startedMs)
}

/** The same records as JSON, published and acknowledged in the same groups, each group synced. */
async function bareLoop(connection: NatsConnection, work: { dir: string; load: Load }): Promise<number> {
  const client = jetstream(connection)
  const file = openSync(join(work.dir, 'bare'), 'a')
  const startedMs = performance.now()
  for (let made = 0; made < work.load.records; made += work.load.group) {
    const messages = Array.from({ length: work.load.group }, () => JSON.stringify(record()))
    await Promise.all(messages.map(async (message) => client.publish('bare.records', message)))
    writeSync(file, messages.join('\n'))
    fdatasyncSync(file)
  }
  const result = rate(work.load.records, startedMs)
  closeSync(file)
  return result
}

function rate(records: number, startedMs: number): number {
  return records / ((performance.now() - startedMs) / 1_000)
}

function body(): JournalBody {
  const of = uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)))
  return { kind: 'outcome', of, status: 'performed', code: null, durationUs: 12, output: null }
}

/** What one journal record looks like as JSON. */
function record(): Readonly<Record<string, unknown>> {
  const hash = '0123456789abcdef'.repeat(4)
  const made = body()
  return {
    v: 1,
    id: 'of' in made ? made.of : '',
    origin: 'dev-1',
    seq: 1,
    prev: hash,
    at: new Date().toISOString(),
    body: made,
    hash,
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
