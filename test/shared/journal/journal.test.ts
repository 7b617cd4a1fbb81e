import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import { openJournal, payloadFor, type Journal } from '../../../shared/journal/journal.ts'
import { GENESIS_HASH } from '../../../shared/journal/record.ts'
import { ChainBroken, verifySeal } from '../../../shared/journal/seal.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { governed, type Governed } from '../../support/governed.ts'

let at: Governed | null = null
afterEach(async () => {
  await at?.close()
  at = null
})

const gap = (from: number) => ({ kind: 'gap' as const, from, to: from, reason: 'made by a test' })

async function appendMany(journal: Journal, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await journal.transaction(async (tx) => await journal.append(tx, gap(index + 1)))
}

describe('the journal', () => {
  it('chains records from genesis, and rolls back with the caller', async () => {
    at = await governed()
    const { journal } = at
    expect(await journal.head()).toEqual({ seq: 0, hash: GENESIS_HASH })
    let told = 0
    const stop = journal.onAppended(() => (told += 1))
    await appendMany(journal, 3)
    await expect(
      journal.transaction(async (tx) => {
        await journal.append(tx, gap(9))
        throw new Error('the caller changes its mind')
      }),
    ).rejects.toThrow('changes its mind')
    expect(told).toBe(3)
    stop()
    const records = await journal.read({ from: 1, limit: 10 })
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(records[1]?.prev).toBe(records[0]?.hash)
    expect(await journal.unshipped()).toEqual({ count: 3, from: 1 })
    await journal.pruneShipped(2)
    expect(await journal.unshipped()).toEqual({ count: 1, from: 3 })
  })

  it('seals runs that verify by the public key alone, and no others', async () => {
    at = await governed()
    const { journal, key } = at
    await appendMany(journal, 70)
    expect((await journal.sealNext())?.to).toBe(64)
    expect((await journal.sealNext())?.to).toBe(70)
    expect(await journal.sealNext()).toBeNull()
    const runs = await journal.sealedRuns(0, 10)
    expect(runs.map(({ seal }) => [seal.from, seal.to])).toEqual([
      [1, 64],
      [65, 70],
    ])
    for (const { seal, records } of runs) {
      verifySeal(seal, records, key.publicKey)
      expect(() => verifySeal(seal, records, generateKeyPair().publicKey)).toThrow(ChainBroken)
      expect(() => verifySeal(seal, records.slice(1), key.publicKey)).toThrow(ChainBroken)
      expect(() => verifySeal(seal, records.toReversed(), key.publicKey)).toThrow(ChainBroken)
      expect(() => verifySeal({ ...seal, at: 'another time' }, records, key.publicKey)).toThrow(ChainBroken)
    }
    expect(await journal.sealedRuns(64, 10)).toHaveLength(1)
  })

  it('keeps payloads beside the chain: erased, the chain still holds', async () => {
    at = await governed()
    const { journal, db, key } = at
    const payload = payloadFor('output', { text: 'the boiler is hot' })
    const record = await journal.transaction(
      async (tx) =>
        await journal.append(
          tx,
          {
            kind: 'outcome',
            of: '01900000-0000-7000-8000-000000000001',
            status: 'performed',
            code: null,
            durationUs: 1,
            output: payload.digest,
          },
          payload,
        ),
    )
    expect(await journal.payloadOf(record.id, 'output')).toEqual({ text: 'the boiler is hot' })
    await journal.erasePayloads(record.id)
    expect(await journal.payloadOf(record.id, 'output')).toBeNull()
    expect(await verifyJournal(db, key.publicKey)).toMatchObject({ holds: true, erased: 1 })
  })
})

describe('what the journal refuses', () => {
  it('writes nothing that no reader would take', async () => {
    at = await governed()
    const { journal } = at
    const append = async (change: object) =>
      await journal.transaction(async (tx) => await journal.append(tx, { ...gap(1), ...change }))
    for (const change of [{ reason: 'a'.repeat(201) }, { from: Number.NaN }, { extra: 1 }, { kind: 'other' }])
      await expect(append(change)).rejects.toMatchObject({ code: 'bad_record' })
    expect((await journal.head()).seq).toBe(0)
  })

  it('takes no more than the outbox may hold, by count and by size, until a receipt makes room', async () => {
    at = await governed({ maxOutboxRecords: 3 })
    const { journal, db, key, clock } = at
    await appendMany(journal, 3)
    await expect(appendMany(journal, 1)).rejects.toMatchObject({ code: 'outbox_full' })
    await journal.pruneShipped(2)
    await appendMany(journal, 2)
    await expect(appendMany(journal, 1)).rejects.toMatchObject({ code: 'outbox_full' })
    const small = await openJournal({ db, origin: 'device-1', key, clock, maxOutboxBytes: 1_500 })
    await journal.pruneShipped(5)
    await appendMany(small, 1)
    await expect(appendMany(small, 50)).rejects.toMatchObject({ code: 'outbox_full' })
    expect((await journal.head()).seq).toBe((await verifyJournal(db, key.publicKey)).records)
    // A rolled back append holds no room for ever.
    await small.pruneShipped(1_000)
    for (let index = 0; index < 20; index += 1)
      await small
        .transaction(async (tx) => {
          await small.append(tx, gap(1))
          throw new Error('no')
        })
        .catch(() => undefined)
    await appendMany(small, 2)
  })
})

describe('the audit', () => {
  it('finds a changed byte wherever it is, an exchange, a deletion and a cut end', async () => {
    at = await governed()
    const { journal, db, key } = at
    await appendMany(journal, 12)
    while ((await journal.sealNext()) !== null);
    const check = async () => (await verifyJournal(db, key.publicKey)).fault?.kind ?? 'holds'
    expect(await check()).toBe('holds')
    const rows = await db.query<{ seq: number; text: string }>(
      'select seq, text from journal.record order by seq',
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(11), fc.nat(), fc.integer({ min: 1, max: 127 }), async (index, place, flip) => {
        const row = rows[index]
        if (row === undefined) throw new Error('no such row')
        const position = place % row.text.length
        const changed = row.text.charCodeAt(position) ^ flip
        if (changed === 0) return
        const text = row.text.slice(0, position) + String.fromCharCode(changed) + row.text.slice(position + 1)
        await db.query('update journal.record set text = $1 where seq = $2', [text, row.seq])
        expect(await check()).not.toBe('holds')
        await db.query('update journal.record set text = $1 where seq = $2', [row.text, row.seq])
      }),
      { numRuns: 60 },
    )
    expect(await check()).toBe('holds')
    const exchange =
      'update journal.record set seq = -seq where seq in (4, 5); update journal.record set seq = 9 + seq where seq in (-4, -5)'
    await db.script(exchange)
    expect(await check()).toBe('out_of_order')
    await db.script(exchange)
    expect(await check()).toBe('holds')
    await db.query('delete from journal.record where seq = 12')
    expect(await check()).not.toBe('holds')
  })

  it('finds a cut end that leaves a perfect chain', async () => {
    at = await governed()
    const { journal, db, key } = at
    await appendMany(journal, 5)
    while ((await journal.sealNext()) !== null);
    await db.query('delete from journal.record where seq = 5')
    expect((await verifyJournal(db, key.publicKey)).fault).toMatchObject({ kind: 'cut_off', seq: 5 })
  })
})
