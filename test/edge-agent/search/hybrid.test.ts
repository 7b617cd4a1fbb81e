import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VectorRefused } from '../../../edge-agent/embedding/stamp.ts'
import { searchContext } from '../../../edge-agent/context/questions.ts'
import { searchIndex } from '../../../edge-agent/search/hybrid.ts'
import { heldStamps, readyVectors, storeVectors } from '../../../edge-agent/search/vectors.ts'
import { document, stage, SUPERVISOR, TECHNICIAN, type Stage } from './stage.ts'

const signal = new AbortController().signal
let at: Stage

beforeAll(async () => {
  at = await stage()
  await at.put(
    'document',
    'seal',
    document('Leaking shaft seal', 'Liquid drips along the shaft. Fit a new seal.'),
  )
  await at.put('document', 'bearing', document('Bearing noise', 'A grinding sound comes from the housing.'))
  await at.put('document', 'lock', document('Isolation', 'Lock the isolator and hang the tag.'))
  await at.put('asset', 'asset-p101', {
    name: 'feed water pump one',
    tag: 'P-101',
    kind: 'pump',
    location: 'boiler house',
    aliases: ['pump one'],
  })
  await at.put(
    'document',
    'pay',
    document('Bearing wages', 'What a bearing fitter earns: grinding work is paid extra.', {
      dataClass: 'restricted',
      readers: ['supervisor'],
    }),
  )
  await at.index.round(signal)
})

afterAll(async () => await at.close())

const search = async (words: string, who = TECHNICIAN) =>
  await searchContext(at.asked(who), { words, limit: 10, asOf: null })

describe('hybrid search', () => {
  it('finds by words, by spelling and by meaning, and says by which', async () => {
    const [byWords] = (await search('grinding sound')).found
    expect(byWords).toMatchObject({ key: 'bearing', ranks: { words: 1 } })
    const [bySpelling] = (await search('P-l01 pmup one')).found
    expect(bySpelling).toMatchObject({ table: 'asset', key: 'asset-p101', ranks: { names: 1 } })
    const [byMeaning] = (await search('fluid seeping out')).found
    expect(byMeaning).toMatchObject({ key: 'seal', ranks: { words: null, meaning: 1 } })
  })

  it('names the sources of what it found, and the model in the record', async () => {
    const answer = await search('grinding sound')
    expect(answer.found[0]?.sources).toEqual([
      { system: 'starling', record: 'document/bearing' },
      { system: 'test', record: 'one' },
    ])
    expect(answer.model).toContain('starling-embedding-en')
    const record = await at.journal.find(answer.provenance.recordId)
    expect(record?.body).toMatchObject({
      kind: 'intent',
      action: 'context.search',
      dataClass: 'personal',
      route: { traits: { class: 'embedding' }, digest: at.embedders.chosen() },
    })
  })

  it('gives the same answer, to the last digit, with and without rows that the caller may not see', async () => {
    const questions = ['bearing', 'grinding work', 'what is paid to a fitter', 'Bearing wages', 'seal']
    const before = await Promise.all(questions.map(async (words) => (await search(words)).found))
    expect(before.flat().map(({ key }) => key)).not.toContain('pay')
    for (let number = 0; number < 200; number++)
      await at.put(
        'document',
        `secret-${number}`,
        document(`Bearing seal ${number}`, 'grinding drips paid', {
          dataClass: 'restricted',
        }),
      )
    await at.index.round(signal)
    const after = await Promise.all(questions.map(async (words) => (await search(words)).found))
    expect(after).toEqual(before)
    for (let number = 0; number < 200; number++) await at.put('document', `secret-${number}`, null)
    await at.index.round(signal)
  })

  it('holds back by role what the class alone would let through', async () => {
    await at.put('document', 'rota', document('Rota', 'Who works on Sunday.', { readers: ['supervisor'] }))
    await at.index.round(signal)
    expect((await search('who works on Sunday')).found.map(({ key }) => key)).not.toContain('rota')
    expect((await search('who works on Sunday', SUPERVISOR)).found[0]).toMatchObject({ key: 'rota' })
  })

  it('denies whom no rule permits, and says so', async () => {
    const nobody = { kind: 'person', id: 'x', roles: ['visitor'] } as const
    await expect(search('seal', nobody)).rejects.toMatchObject({ code: 'denied' })
  })

  it('asks of another time only what held and was known then', async () => {
    await at.put(
      'document',
      'old',
      document('Old torque', 'Tighten to forty newton metres.', {
        validTo: '2026-03-01T00:00:00.000Z',
      }),
    )
    await at.put(
      'document',
      'new',
      document('New torque', 'Tighten to fifty newton metres.', {
        validFrom: '2026-03-01T00:00:00.000Z',
        recordedAt: '2026-04-01T00:00:00.000Z',
      }),
    )
    await at.index.round(signal)
    const at_ = async (valid: string, known: string) =>
      (
        await searchContext(at.asked(TECHNICIAN), {
          words: 'torque newton metres',
          limit: 2,
          asOf: { valid, known },
        })
      ).found
        .map(({ key }) => key)
        .filter((key) => key === 'old' || key === 'new')
    expect((await search('torque newton metres')).found[0]?.key).toBe('new')
    expect(await at_('2026-02-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z')).toEqual(['old'])
    // In force by then, and not yet heard of.
    expect(await at_('2026-03-15T00:00:00.000Z', '2026-03-15T00:00:00.000Z')).toEqual([])
    expect(await at_('2026-03-15T00:00:00.000Z', '2026-05-01T00:00:00.000Z')).toEqual(['new'])
  })

  it('refuses a vector of another stamp, to be asked with or stored, at equal dimension too', async () => {
    const ready = await readyVectors(at.db, at.embedders)
    const [vector] = (await ready?.embedder.embed(['seal'])) ?? []
    if (ready === null || vector === undefined) throw new Error('the shipped model is ready')
    const foreign = { stamp: { ...vector.stamp, model: 'f'.repeat(64) as never }, values: vector.values }
    const rights = { clearance: 'personal', roles: ['technician'] } as const
    const wish = { words: 'seal', rights, asOf: null, nowMs: at.clock.nowMs(), limit: 5 }
    await expect(
      searchIndex(at.db, { ...wish, meaning: { vector: foreign, stamp: ready.stamp } }),
    ).rejects.toBeInstanceOf(VectorRefused)
    const longer = { stamp: vector.stamp, values: vector.values.map((value) => value * 2) }
    for (const wrong of [foreign, longer, { stamp: vector.stamp, values: vector.values.slice(1) }])
      await expect(
        at.db.transaction(
          async (tx) => await storeVectors(tx, [{ chunk: 'document/seal#x', vector: wrong }], ready.stamp),
        ),
      ).rejects.toBeInstanceOf(VectorRefused)
    expect(await heldStamps(at.db)).toHaveLength(1)
  })

  it('finds nothing rather than something for words that nobody knows', async () => {
    expect((await search('zzzzqqq')).found).toEqual([])
  })

  it('finds nothing in words that mean nothing, and does not fail on signs', async () => {
    for (const words of ["'; drop table search.chunk; --", '& | ! ( )', '€€€', 'the of and'])
      await expect(search(words)).resolves.toBeDefined()
  })
})
