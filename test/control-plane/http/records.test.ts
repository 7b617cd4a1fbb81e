import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as v from 'valibot'
import { parseRecord } from '../../../shared/journal/stored-record.ts'
import { SealSchema, verifySeal } from '../../../shared/journal/seal.ts'
import { loadPublicKey } from '../../../shared/signing/ed25519.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { acts } from './acts.ts'

const ListSchema = v.object({
  records: v.array(
    v.object({
      device: v.string(),
      seq: v.number(),
      id: v.string(),
      kind: v.string(),
      action: v.nullable(v.string()),
    }),
  ),
  next: v.nullable(v.string()),
})

describe('the records that the centre shows', () => {
  let stage: ApiStage
  const devices: Governed[] = []
  beforeAll(async () => {
    stage = await apiStage()
    for (const origin of ['alpha', 'beta']) {
      const device = await governed({ origin })
      devices.push(device)
      for (let round = 0; round < 40; round += 1) {
        device.clock.advance(1_000)
        await device.kernel.admit(
          acts('note.record'),
          technicianAsks('note.record', { text: `note ${round}` }),
        )
      }
      // Nobody may do this.
      await device.kernel.admit(acts('safety.override'), technicianAsks('safety.override', {}))
      await stage.take(device)
    }
  })
  afterAll(async () => {
    for (const device of devices) await device.close()
    await stage.close()
  })
  const list = async (query: string) => v.parse(ListSchema, (await stage.call(`/api/records?${query}`)).body)

  it('come newest first, each once, a page at a time, and end', async () => {
    const seen: string[] = []
    let after = ''
    for (let pages = 0; pages < 50; pages += 1) {
      const page = await list(`limit=37${after}`)
      seen.push(...page.records.map(({ device, seq }) => `${device} ${seq}`))
      if (page.next === null) break
      after = `&after=${page.next}`
    }
    const heads = await Promise.all(devices.map(async ({ journal }) => (await journal.head()).seq))
    expect(seen).toHaveLength(heads.reduce((sum, seq) => sum + seq, 0))
    expect(new Set(seen).size).toBe(seen.length)
    const times = (await stage.call('/api/records?limit=500')).body['records'] as { at: string }[]
    expect(times.map(({ at }) => at)).toEqual(
      times
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    )
  })

  it('are narrowed down by device, action, verdict and what happened', async () => {
    expect(new Set((await list('device=alpha&limit=500')).records.map(({ device }) => device))).toEqual(
      new Set(['alpha']),
    )
    expect((await list('device=nobody')).records).toEqual([])
    const denied = await list('verdict=deny')
    expect(denied.records.map(({ device, action }) => [device, action])).toEqual([
      ['beta', 'safety.override'],
      ['alpha', 'safety.override'],
    ])
    expect((await list('status=performed&limit=500')).records).toHaveLength(80)
    expect((await list('status=failed')).records).toEqual([])
    const notes = await list('action=note.record&device=beta&limit=500')
    expect(notes.records).toHaveLength(40)
    expect(new Set(notes.records.map(({ kind }) => kind))).toEqual(new Set(['intent']))
  })

  it('are not shown at all for a filter that there is not, or a bad one', async () => {
    for (const query of [
      'verdct=deny',
      'verdict=maybe',
      'limit=0',
      'limit=5000',
      'limit=-1',
      'after=x',
      "kind='",
    ])
      expect(await stage.call(`/api/records?${query}`), query).toMatchObject({
        status: 422,
        body: { code: 'query_refused' },
      })
  })

  it('show one with its cause, what followed, and that its seal holds', async () => {
    const [denied] = (await list('verdict=deny&device=alpha')).records
    expect((await stage.call(`/api/records/${denied?.id ?? ''}`)).body).toMatchObject({
      device: 'alpha',
      cause: null,
      record: { body: { action: 'safety.override', verdict: 'deny' } },
      following: [],
      standing: { kind: 'sealed' },
    })
    const [done] = (await list('action=note.record&device=beta')).records
    const shown = await stage.call(`/api/records/${done?.id ?? ''}`)
    expect(shown.body).toMatchObject({ following: [{ body: { kind: 'outcome', status: 'performed' } }] })
    const [outcome] = shown.body['following'] as { id: string }[]
    expect((await stage.call(`/api/records/${outcome?.id ?? ''}`)).body).toMatchObject({
      cause: { id: done?.id },
      following: [],
    })
    expect((await stage.call('/api/records/none')).status).toBe(404)
  })

  it('export as lines that verify with the device’s key alone', async () => {
    const { text, headers } = await stage.call('/api/export/beta')
    expect(headers.get('content-disposition')).toContain('beta.journal.ndjson')
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const key = loadPublicKey(String(lines[0]?.['publicKey']))
    expect(key.id).toBe(devices[1]?.key.publicKey.id)
    const records = lines.flatMap((line) =>
      line['kind'] === 'record' ? [parseRecord(JSON.stringify(line['record']))] : [],
    )
    const seals = lines.flatMap((line) =>
      line['kind'] === 'seal' ? [v.parse(SealSchema, line['seal'])] : [],
    )
    expect(seals.at(-1)?.to).toBe(records.length)
    for (const seal of seals) verifySeal(seal, records.slice(seal.from - 1, seal.to), key)
    expect((await stage.call('/api/export/nobody')).status).toBe(404)
  })

  it('say so when a byte of one was changed', async () => {
    const { records } = await list('device=alpha&action=note.record&limit=1')
    const [first] = records
    await stage.db.query(
      `update ingest.record set text = replace(text, 'amara', 'mallo') where device = 'alpha' and seq = $1`,
      [first?.seq ?? 0],
    )
    expect((await stage.call(`/api/records/${first?.id ?? ''}`)).body).toMatchObject({
      standing: { kind: 'broken' },
    })
    expect((await stage.call('/api/verification/alpha')).body).toMatchObject({
      holds: false,
      fault: { seq: first?.seq },
    })
    expect((await stage.call('/api/verification/beta')).body).toMatchObject({ holds: true })
  })
})
