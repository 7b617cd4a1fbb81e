import fc from 'fast-check'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportJournal, verifyExport } from '../../../shared/audit/export.ts'
import { leafHash, merkleRoot } from '../../../shared/audit/merkle.ts'
import { proveRecord, verifyProof } from '../../../shared/audit/proof.ts'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { redeem } from '../../../shared/kernel/admitted.ts'
import type { TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'

const note: TransactionalPerformer<JsonObject, Json> = {
  kind: 'transactional',
  action: 'note.record',
  accepts: v.looseObject({}),
  route: () => ({ provider: 'test', model: 'test/1', digest: null, region: 'device', reason: 'test' }),
  perform: async (admitted) => {
    redeem(admitted, 'note.record')
    return { kept: true }
  },
  check: () => undefined,
}

let at: Governed
beforeAll(async () => {
  at = await governed()
  for (let index = 0; index < 45; index += 1)
    await at.kernel.admit(note, technicianAsks('note.record', { index }))
  while ((await at.journal.sealNext()) !== null);
  await at.kernel.admit(note, technicianAsks('note.record', { unsealed: true }))
})
afterAll(async () => await at.close())

describe('the verdict on a journal', () => {
  const verify = async () => await verifyJournal(at.db, at.key.publicKey)

  it('holds for what the kernel wrote, and counts it', async () => {
    expect(await verify()).toMatchObject({
      holds: true,
      records: 92,
      seals: 2,
      payloads: 92,
      unsealed: 2,
      fault: null,
    })
  })

  /** Each change, its undoing, and what the verdict must name. */
  it.each([
    ['a column', `update journal.record set action = 'part.order' where seq = 7`, 'edited', 7],
    ['an outcome’s intent', `update journal.record set of = id where seq = 8`, 'edited', 8],
    ['a record gone from the middle', 'delete from journal.record where seq = 20', 'deleted', 20],
    ['records cut off under a seal', 'delete from journal.record where seq > 60', 'cut_off', 61],
    ['a seal gone', 'delete from journal.seal where from_seq = 1', 'seal_mismatch', 1],
    [
      'a seal’s time',
      `update journal.seal set text = replace(text, '2026-', '2025-') where from_seq = 1`,
      'forged_seal',
      1,
    ],
    [
      'a payload',
      `update journal.payload set bytes = '\\x7b7d' where record_id = (select id from journal.record where seq = 9)`,
      'payload',
      9,
    ],
    [
      'a salt',
      `update journal.payload set salt = '\\x00' where record_id = (select id from journal.record where seq = 10)`,
      'payload',
      10,
    ],
    [
      'an intent put on the list of open ones',
      `insert into journal.open_intent select id, seq from journal.record where seq = 3`,
      'edited',
      3,
    ],
  ])('names %s', async (_what, change, kind, seq) => {
    const gone = new Error('rolled back')
    await expect(
      at.db.transaction(async (tx) => {
        await tx.query(change)
        const { holds, fault } = await verifyJournal(tx, at.key.publicKey)
        expect([holds, fault?.kind, fault?.seq]).toEqual([false, kind, seq])
        throw gone
      }),
    ).rejects.toBe(gone)
    expect((await verify()).holds).toBe(true)
  })

  it('misses records cut off after the last seal only without a witness', async () => {
    const { head } = await verify()
    const gone = new Error('rolled back')
    await expect(
      at.db.transaction(async (tx) => {
        await tx.query('delete from journal.record where seq = $1', [head.seq])
        await tx.query(
          'insert into journal.open_intent select id, seq from journal.record where seq = $1::bigint - 1',
          [head.seq],
        )
        expect((await verifyJournal(tx, at.key.publicKey)).holds).toBe(true)
        expect((await verifyJournal(tx, at.key.publicKey, head)).fault).toMatchObject({
          kind: 'cut_off',
          seq: head.seq,
        })
        throw gone
      }),
    ).rejects.toBe(gone)
    expect((await verifyJournal(at.db, at.key.publicKey, head)).holds).toBe(true)
    const other = { seq: head.seq, hash: '0'.repeat(64) }
    expect((await verifyJournal(at.db, at.key.publicKey, other)).fault?.kind).toBe('edited')
  })

  it('takes a journal that grows while it is read for no fault', async () => {
    const verifying = verify()
    for (let index = 0; index < 5; index += 1) {
      await at.kernel.admit(note, technicianAsks('note.record', { index }))
      await at.journal.sealNext()
    }
    expect((await verifying).fault).toBeNull()
  })

  it('holds for nobody else’s key', async () => {
    expect((await verifyJournal(at.db, generateKeyPair().publicKey)).fault?.kind).toBe('forged_seal')
  })
})

describe('the proof of one record', () => {
  it('holds by the key alone, for every record of a run, and for no other record', async () => {
    const records = await at.journal.read({ from: 1, limit: 64 })
    for (const { id, seq } of records) {
      const proof = await proveRecord(at.db, id)
      expect(verifyProof(proof, at.key.publicKey).seq).toBe(seq)
    }
    const proof = await proveRecord(at.db, records[30]?.id ?? '')
    const other = records[31]
    expect(() => verifyProof({ ...proof, record: other }, at.key.publicKey)).toThrow('does not lead')
    expect(() => verifyProof(proof, generateKeyPair().publicKey)).toThrow('not signed')
    const edited = { ...proof, record: { ...records[30], at: '2020-01-01T00:00:00.000Z' } }
    expect(() => verifyProof(edited, at.key.publicKey)).toThrow('not what its hash says')
    expect(() => verifyProof({ v: 2 }, at.key.publicKey)).toThrow('does not hold')
  })

  it('is not there for a record that is not sealed, or not here', async () => {
    await at.kernel.admit(note, technicianAsks('note.record', {}))
    const [newest] = await at.journal.newest(1)
    expect(await proveRecord(at.db, newest?.id ?? '')).toBeNull()
    expect(await proveRecord(at.db, 'nothing')).toBeNull()
  })
})

describe('an export', () => {
  const lines = async (withPayloads = true): Promise<readonly string[]> => {
    const found: string[] = []
    const of = { origin: 'device-1', key: at.key.publicKey, withPayloads }
    for await (const line of exportJournal(at.db, of)) found.push(line)
    return found
  }

  it('verifies offline by the key alone, with and without payloads', async () => {
    const verdict = await verifyJournal(at.db, at.key.publicKey)
    expect(await verifyExport(await lines(), at.key.publicKey)).toEqual(verdict)
    expect(await verifyExport(await lines(false), at.key.publicKey)).toEqual({ ...verdict, payloads: 0 })
  })

  it('shows any flipped character, missing line, exchange or cut', async () => {
    const whole = await lines()
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 31 }), async (line, place, flip) => {
        const index = line % whole.length
        const text = whole[index] ?? ''
        const position = place % text.length
        const character = String.fromCharCode(text.charCodeAt(position) ^ flip)
        const changed = whole.with(index, text.slice(0, position) + character + text.slice(position + 1))
        expect((await verifyExport(changed, at.key.publicKey)).holds).toBe(false)
        expect((await verifyExport(whole.toSpliced(index, 1), at.key.publicKey)).holds).toBe(false)
        expect((await verifyExport(whole.slice(0, index), at.key.publicKey)).holds).toBe(false)
        const next = whole[index + 1]
        if (next === undefined) return
        const exchanged = whole.with(index, next).with(index + 1, text)
        expect((await verifyExport(exchanged, at.key.publicKey)).holds).toBe(false)
      }),
      { numRuns: 40 },
    )
  })
})

describe('the Merkle tree', () => {
  it('has the roots that RFC 6962 implementations share', () => {
    const entries = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ]
    const roots = [
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ]
    const leaves = entries.map((entry) => leafHash(Buffer.from(entry, 'hex')))
    for (const [size, root] of roots.entries())
      expect(Buffer.from(merkleRoot(leaves.slice(0, size))).toString('hex')).toBe(root)
  })
})
