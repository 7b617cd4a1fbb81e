import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { signReceipt } from '../../../shared/wire/receipt.ts'
import { streams, subjects } from '../../../shared/wire/subjects.ts'
import { openStreamApi } from '../../../shared/fabric/stream.ts'
import { outcome } from '../../fabric/outcome.ts'
import { device, openStage, tenant, type Stage } from '../../fabric/stage.ts'

describe('the outbox, from the journal to the receipt', () => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-outbox-'))
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage({ dir })
  })
  afterAll(async () => {
    await stage.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function append(count: number): Promise<number> {
    await stage.journal.transaction(async (tx) => {
      for (let index = 0; index < count; index++) await stage.journal.append(tx, outcome())
    })
    return (await stage.journal.head()).seq
  }
  const stored = async (): Promise<number> =>
    (await stage.centreDb.query<{ n: number }>('select count(*) as n from ingest.record'))[0]?.n ?? -1

  it('brings records to the centre, takes the receipt, and forgets what it covers', async () => {
    const head = await append(200)
    await stage.receipted(head)
    expect(await stored()).toBe(head)
    expect(await stage.journal.unshipped()).toEqual({ count: 0, from: null })
    expect(stage.outboxState()).toEqual({
      receiptedSeq: head,
      shippedSeq: head,
      forwardedSeq: head,
      problem: null,
    })
  })

  it('takes no receipt that another key has signed, nor one for another device', async () => {
    const hub = await stage.hub.connect('forger')
    const head = await append(1)
    await stage.receipted(head)
    const forged = {
      v: 1 as const,
      tenant,
      device,
      seq: head + 50,
      hash: 'ab'.repeat(32),
      at: '',
      problem: null,
    }
    hub.publish(subjects.tell(tenant, device, 'receipt'), signReceipt(forged, generateKeyPair()))
    await hub.flush()
    await stage.until((event) => event.kind === 'trouble' && event.error.code === 'bad_envelope')
    expect(stage.outboxState().receiptedSeq).toBe(head)
    await hub.close()
  })

  it('fills the leaf and the hub again from the journal when both have lost their streams', async () => {
    const hub = await stage.hub.connect('wiper')
    const leaf = await stage.leaf.connect({ device, creds: stage.creds, name: 'wiper' })
    let head = 0
    await stage.between(async () => {
      head = await append(30)
      await (await openStreamApi(hub)).streams.purge(streams.up(tenant))
      await (await openStreamApi(leaf)).streams.purge(streams.out(device))
    })
    await stage.receipted(head)
    expect(await stored()).toBe(head)
    await hub.close()
    await leaf.close()
  })

  it('sends again what a centre restored from an older state no longer has', async () => {
    const before = (await stage.journal.head()).seq
    let head = 0
    await stage.between(async () => {
      const [kept] = await stage.centreDb.query<{ hash: string }>(
        'select hash from ingest.record where seq = 64',
      )
      await stage.centreDb.script(
        'delete from ingest.record where seq > 64; delete from ingest.seal where to_seq > 64',
      )
      await stage.centreDb.query('update ingest.device set seq = 64, hash = $1', [kept?.hash ?? ''])
      head = await append(5)
    })
    await stage.receipted(head)
    expect(head).toBe(before + 5)
    expect(await stored()).toBe(head)
  })

  it('names records that the device has lost by a signed gap, and goes on after them', async () => {
    const from = (await stage.journal.head()).seq + 1
    let head = 0
    await stage.between(async () => {
      for (let run = 0; run < 3; run++) {
        await append(4)
        await stage.journal.sealNext()
      }
      await stage.deviceDb.query('delete from journal.record where seq between $1 and $2', [
        from + 5,
        from + 6,
      ])
      head = (await stage.journal.head()).seq
    })
    await stage.receipted(head + 1)
    expect(await stage.centreDb.query('select from_seq, to_seq, reason from ingest.gap')).toEqual([
      { from_seq: from + 4, to_seq: from + 7, reason: 'records_lost' },
    ])
    expect(stage.events.filter(({ kind }) => kind === 'gap')).toHaveLength(1)
  })

  it('says that the journal is forked when the centre holds another history, and prunes nothing', async () => {
    const { seq } = await stage.journal.head()
    let head = 0
    await stage.between(async () => {
      await stage.centreDb.query('update ingest.device set seq = $1, hash = $2', [seq + 2, 'cd'.repeat(32)])
      head = await append(3)
    })
    await stage.until((event) => event.kind === 'trouble' && event.error.code === 'journal_forked')
    expect(await stage.journal.unshipped()).toEqual({ count: 3, from: head - 2 })
  })
})
