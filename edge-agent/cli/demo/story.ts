/** The story that `starling demo` plays, scene by scene. A scene checks what it claims on the real parts and says what it saw. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { verifyJournal, type Verification } from '../../../shared/audit/verify.ts'
import { reportError } from '../../../shared/errors.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { RecordDetail, RecordLine } from '../../audit/record-views.ts'
import { DATABASE_FOLDER } from '../../home.ts'
import { enrol } from '../../identity/enrol.ts'
import { readIdentity } from '../../identity/identity.ts'
import type { AgentStatus } from '../../local-api/status.ts'
import type { TurnResult } from '../../turn/result.ts'
import { agentClient } from '../agent-client.ts'
import { atCentre } from '../operator.ts'
import { recording, type Stage } from './stage.ts'

export type Claim = { readonly claim: string; readonly checked: string; readonly holds: boolean }

export interface Scene {
  readonly claim: string
  play(stage: Stage): Promise<Omit<Claim, 'claim'>>
}

type DeviceView = {
  readonly id: string
  readonly reported: {
    readonly bundles: readonly {
      readonly name: string
      readonly state: string
      readonly code: string | null
    }[]
  } | null
}

async function devicesAt(stage: Stage): Promise<readonly DeviceView[]> {
  return ((await atCentre(stage.hub.run, '/api/devices')) as { devices: readonly DeviceView[] }).devices
}

async function say(stage: Stage, name: string): Promise<TurnResult> {
  return (await stage.agent.post('/v1/turns', recording(name))) as unknown as TurnResult
}

function told({ transcript, understood, outcome, effects }: TurnResult): string {
  const record = effects.at(-1)?.provenance.recordId ?? 'none'
  return `heard “${transcript.text}”, understood ${understood?.intent ?? 'nothing'}, ${outcome.kind}: “${outcome.say}”, record ${record}`
}

function turnScene(name: string, intent: string): Scene {
  return {
    claim: `offline, the spoken “${name}” becomes transcript, intent, governed action and record`,
    play: async (stage) => {
      const result = await say(stage, name)
      const acted = result.effects.find(({ action }) => action === intent)
      const detail =
        acted === undefined
          ? null
          : ((await stage.agent.get(`/v1/records/${acted.provenance.recordId}`)) as unknown as RecordDetail)
      const hasOutcome = detail?.following.some(
        ({ body }) => body.kind === 'outcome' && body.status === 'performed',
      )
      return { checked: told(result), holds: result.outcome.kind === 'done' && hasOutcome === true }
    },
  }
}

export const SCENES: readonly Scene[] = [
  {
    claim:
      'the fabric starts: hub NATS server, centre, leaf NATS server, agent; the device enrols with a one-time token',
    play: async (stage) => {
      await stage.startCentre()
      await stage.startDevice()
      const { device, link } = await stage.until(
        async () => await stage.status(),
        (seen) => seen.link === 'up',
      )
      const known = (await devicesAt(stage)).some(({ id }) => id === device)
      return {
        checked: `${device} is enrolled and its link is ${link}`,
        holds: known && link === 'up',
      }
    },
  },
  {
    claim: 'a token is good once: a second device that shows it is refused',
    play: async (stage) => {
      const folder = mkdtempSync(join(stage.root, 'thief-'))
      const names = { device: 'demo-1', site: 'demo-site' }
      const { token, signal } = stage
      const said = await enrol(folder, {
        ...names,
        hub: stage.hub.run.http,
        token: token ?? '',
        signal,
      }).then(
        () => 'it was enrolled',
        (thrown: unknown) => reportError(thrown).message,
      )
      return { checked: said, holds: said.includes('used before') }
    },
  },
  {
    claim: 'the shipped models arrive as signed bundles, are verified and activated',
    play: async (stage) => {
      const { models } = await stage.status()
      const reported = await stage.until(
        async () => (await devicesAt(stage)).find(({ id }) => id === 'demo-1')?.reported?.bundles ?? [],
        (bundles) => bundles.length === 2 && bundles.every(({ state }) => state === 'committed'),
      )
      const states = reported.map(({ name, state }) => `${name} ${state}`).join(', ')
      return {
        checked: `runs ${models.map(({ name, digest }) => `${name} ${digest.slice(0, 12)}`).join(', ')}; the centre was told: ${states}`,
        holds:
          models.length === 2 &&
          reported.length === 2 &&
          reported.every(({ state }) => state === 'committed'),
      }
    },
  },
  {
    claim: 'a tampered bundle is refused: one byte of the model flipped where the centre keeps it',
    play: async (stage) => {
      const folder = join(stage.home.hub, 'content')
      const largest = readdirSync(folder)
        .map((name) => ({ path: join(folder, name), bytes: readFileSync(join(folder, name)) }))
        .toSorted((a, b) => b.bytes.length - a.bytes.length)[0]
      if (largest === undefined) return { checked: 'the centre keeps no content', holds: false }
      const changed = Buffer.from(largest.bytes)
      changed[1_000] = (changed[1_000] ?? 0) ^ 1
      writeFileSync(largest.path, changed)
      const second = await stage.startSecond()
      try {
        const { models } = (await agentClient(second.run.http).get('/v1/status')) as unknown as AgentStatus
        const bundles = await stage.until(
          async () => (await devicesAt(stage)).find(({ id }) => id === 'demo-2')?.reported?.bundles ?? [],
          (seen) => seen.length === 2,
        )
        const speech = bundles.find(({ name }) => name === 'speech')
        const runsIt = models.some(({ name }) => name.includes('speech'))
        return {
          checked: `a second device said of the bundle speech: ${speech?.state ?? 'nothing'}, ${speech?.code ?? 'no reason'}; it ${runsIt ? 'RUNS' : 'does not run'} it`,
          holds: speech?.state === 'refused' && !runsIt,
        }
      } finally {
        await second.part.stop()
        writeFileSync(largest.path, largest.bytes)
      }
    },
  },
  {
    claim: 'the link is cut: the centre and its NATS server are gone',
    play: async (stage) => {
      await stage.stopCentre()
      const { link } = await stage.until(
        async () => await stage.status(),
        (seen) => seen.link === 'down',
      )
      return { checked: `the device says that its link is ${link}`, holds: link === 'down' }
    },
  },
  turnScene('open', 'work_order.open'),
  turnScene('log', 'reading.log'),
  {
    claim:
      'free words are read back before they are kept: a note is asked about, and recorded after a spoken yes',
    play: async (stage) => {
      const asked = await say(stage, 'note')
      const answered = await say(stage, 'yes')
      const recorded = answered.effects.some(
        ({ action, verdict }) => action === 'note.record' && verdict === 'performed',
      )
      return {
        checked: `${told(asked)}; then ${told(answered)}`,
        holds: asked.outcome.kind === 'question' && answered.outcome.kind === 'done' && recorded,
      }
    },
  },
  {
    claim: 'what the device is not sure of is not acted on: it becomes an inbox item for a person',
    play: async (stage) => {
      const result = await say(stage, 'unclear')
      return { checked: told(result), holds: result.outcome.kind === 'inbox' }
    },
  },
  {
    claim: 'killed in mid-turn, the device resumes: the cut turn is settled and said, nothing is half done',
    play: async (stage) => {
      const cut = await killMidTurn(stage)
      await stage.startDevice()
      const detail = (await stage.agent.get(`/v1/records/${cut.id}`)) as unknown as RecordDetail
      const outcome = detail.following.find(({ body }) => body.kind === 'outcome')
      const status = outcome?.body.kind === 'outcome' ? outcome.body.status : 'open'
      const after = await say(stage, 'look')
      return {
        checked: `record ${cut.id} was settled as “${status.replaceAll('_', ' ')}”, and the next turn was ${after.outcome.kind}`,
        holds: status === 'did_not_take_place' && after.outcome.kind === 'done',
      }
    },
  },
  {
    claim: 'the link heals: the centre has every record once, in order, and the work order changed there too',
    play: async (stage) => {
      const before = await stage.status()
      await stage.startCentre()
      const { outbox } = await stage.until(
        async () => await stage.status(),
        (seen) => seen.outbox.pending === 0,
      )
      const [newest] = ((await stage.agent.get('/v1/records?limit=1')) as { records: readonly RecordLine[] })
        .records
      // What goes on beside leaves records, too: one of them may be on its way at this moment.
      const there = await stage.until(
        async () => (await atCentre(stage.hub.run, '/api/verification/demo-1')) as Verification,
        ({ head }) => head.seq >= (newest?.seq ?? Number.MAX_VALUE),
      )
      const orders = (await atCentre(stage.hub.run, '/api/context/work_order')) as {
        rows: readonly { body: { number: string; status: string } }[]
      }
      const order = orders.rows.find(({ body }) => body.number === '427')?.body
      return {
        checked: `${before.outbox.pending} records waited, ${outbox.pending} wait now; the centre verified ${there.records} records up to ${there.head.seq}, the device's last is ${newest?.seq}; work order 427 is ${order?.status} at the centre`,
        holds:
          before.outbox.pending > 0 &&
          outbox.pending === 0 &&
          there.holds &&
          there.head.seq >= (newest?.seq ?? Number.MAX_VALUE) &&
          there.records === there.head.seq &&
          order?.status === 'in_progress',
      }
    },
  },
  {
    claim: 'the audit chain verifies, and one flipped byte is found',
    play: async (stage) => {
      const good = (await stage.agent.get('/v1/records/verification')) as unknown as Verification
      await stage.stopDevice()
      const flipped = await verifyFlipped(stage)
      return {
        checked: `${good.records} records and ${good.seals} seals hold; after one bit was flipped in record 3: ${flipped.fault?.message ?? 'nothing found'}`,
        holds: good.holds && flipped.fault?.seq === 3,
      }
    },
  },
]

/** Speaks half a sentence into the talk socket, and kills the agent while the recogniser's effect is open. */
async function killMidTurn(stage: Stage): Promise<RecordLine> {
  const socket = new WebSocket(new URL('/v1/talk', stage.edge.run.http.replace(/^http/, 'ws')))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.on('error', () => undefined)
  socket.send(JSON.stringify({ kind: 'open', sampleRateHz: 16_000 }))
  socket.send(recording('log').subarray(44, 44 + 16_000))
  const open = await stage.until(
    async () =>
      ((await stage.agent.get('/v1/records?limit=1')) as { records: readonly RecordLine[] }).records[0],
    (record) => record?.kind === 'intent' && record.summary.includes('model.transcribe'),
  )
  await stage.killDevice()
  socket.terminate()
  if (open === undefined) throw new Error('the turn left no record')
  return open
}

async function verifyFlipped(stage: Stage): Promise<Verification> {
  const db = await openDatabase({ dir: join(stage.home.edge, DATABASE_FOLDER) })
  try {
    await db.query(
      `update journal.record set text = overlay(text placing chr(ascii(substr(text, 30, 1)) # 1) from 30 for 1) where seq = 3`,
    )
    return await verifyJournal(db, readIdentity(stage.home.edge).keyPair.publicKey)
  } finally {
    await db.close()
  }
}
