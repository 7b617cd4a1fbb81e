import { afterEach, describe, expect, it } from 'vitest'
import { openEmbedders, type DeviceEmbedders } from '../../../edge-agent/embedding/shelf.ts'
import type { Embedder } from '../../../edge-agent/embedding/embedder.ts'
import { vectorStatus } from '../../../edge-agent/search/vector-status.ts'
import { heldStamps, readyVectors } from '../../../edge-agent/search/vectors.ts'
import { document, edge, node, stage, type Stage } from './stage.ts'

const signal = new AbortController().signal
let at: Stage
afterEach(async () => await at.close())

const count = async (table: string): Promise<number> => {
  const [row] = await at.db.query<{ n: number }>(`select count(*)::int as n from ${table}`)
  return row?.n ?? -1
}
const lastSeq = async (): Promise<number> => await count('journal.record')

describe('upkeep of the index', () => {
  it('indexes what is new, anew what changed, and takes out what is gone', async () => {
    at = await stage()
    await at.put('document', 'a', document('Seal', 'It drips.'))
    await at.put('document', 'b', document('Bearing', 'It grinds.'))
    await at.put('node', 'n', node('p1'))
    await at.put('edge', 'e', edge('p1', 'part_of', 'p2'))
    expect(await at.index.round(signal)).toEqual({ rows: 4, vectors: 2 })
    await at.put('document', 'a', document('Seal', 'It leaks.'))
    await at.put('document', 'b', null)
    await at.put('edge', 'e', null)
    expect(await at.index.round(signal)).toEqual({ rows: 3, vectors: 1 })
    const ids = await at.db.query<{ key: string; body: string }>(
      'select c.key, p.body from search.chunk c join search.passage p on p.chunk = c.id order by 1',
    )
    expect(ids.map(({ key, body }) => [key, body])).toEqual([
      ['a', 'It leaks.'],
      ['n', 'asset'],
    ])
    expect(await count('graph.edge')).toBe(0)
    expect(await count('search.vector')).toBe(1)
  })

  it('writes nothing, no record and no row, when nothing changed', async () => {
    at = await stage()
    await at.put('document', 'a', document('Seal', 'It drips.'))
    await at.index.round(signal)
    const wal = async () => (await at.db.query('select pg_current_wal_insert_lsn()::text as at'))[0]
    const before = [await lastSeq(), await wal()]
    expect(await at.index.round(signal)).toEqual({ rows: 0, vectors: 0 })
    expect([await lastSeq(), await wal()]).toEqual(before)
  })

  it('keeps the vector of a chunk whose words stayed when its readers changed', async () => {
    at = await stage()
    await at.put('document', 'a', document('Seal', 'It drips.'))
    await at.index.round(signal)
    await at.put(
      'document',
      'a',
      document('Seal', 'It drips.', { dataClass: 'restricted', readers: ['auditor'] }),
    )
    expect(await at.index.round(signal)).toEqual({ rows: 1, vectors: 0 })
    const [chunk] = await at.db.query('select class_rank, readers from search.chunk')
    expect(chunk).toEqual({ class_rank: 3, readers: ['auditor'] })
  })

  it('leaves a row alone whose shape it does not know, and goes on', async () => {
    at = await stage()
    await at.put('document', 'a', { title: 'of a later version' } as never)
    await at.put('document', 'b', document('Bearing', 'It grinds.'))
    expect(await at.index.round(signal)).toEqual({ rows: 2, vectors: 1 })
    expect(await at.index.round(signal)).toEqual({ rows: 0, vectors: 0 })
  })
})

describe('a change of the embedding model', () => {
  const DOCUMENTS = 150
  /** The shipped model under two digests: another model in name, as the index must take it. */
  const twoModels = (folder: string) => {
    const shipped = openEmbedders(folder, signal)
    const first = shipped.chosen() ?? ''
    const second = 'a'.repeat(64)
    const state = {
      chosen: first,
      failAfter: Number.POSITIVE_INFINITY,
      isFirstHere: true,
      opened: [] as string[],
    }
    const under = (embedder: Embedder, model: string): Embedder => ({
      ...embedder,
      name: model,
      stamp: { ...embedder.stamp, model: model as never },
      embed: async (texts) => {
        if (model === second && (state.failAfter -= 1) < 0) throw new Error('killed')
        const vectors = await embedder.embed(texts)
        return vectors.map(({ values, stamp }) => ({ values, stamp: { ...stamp, model: model as never } }))
      },
    })
    const embedders: DeviceEmbedders = {
      chosen: () => state.chosen,
      open: async (model) => {
        if (model === first && !state.isFirstHere) return null
        state.opened.push(model)
        const embedder = await shipped.open(first)
        return embedder === null ? null : under(embedder, model)
      },
      settle: async () => undefined,
      close: async () => await shipped.close(),
    }
    return { embedders, state, first, second }
  }

  it('goes on after a kill, asks the old vectors until the new are complete, then drops the old', async () => {
    const models = twoModels('/nonexistent')
    at = await stage(() => models.embedders)
    for (let number = 0; number < DOCUMENTS; number++)
      await at.put('document', `d${number}`, document(`Seal ${number}`, 'It drips.'))
    await at.index.round(signal)
    models.state.chosen = models.second
    // Each batch embeds headings, then texts: killed in the second batch.
    models.state.failAfter = 3
    await expect(at.index.round(signal)).rejects.toThrow('killed')
    const half = await heldStamps(at.db)
    expect(half.map(({ model, complete }) => [model, complete])).toEqual([
      [models.first, true],
      [models.second, false],
    ])
    expect((await readyVectors(at.db, models.embedders))?.stamp.model).toBe(models.first)
    // Both can be seen, side by side, with how far the new one is and what each takes.
    const [coming, standing] = await vectorStatus(at.db)
    expect(coming).toMatchObject({ model: models.second, complete: false, made: 64, of: DOCUMENTS })
    expect(standing).toMatchObject({ model: models.first, complete: true, made: DOCUMENTS, of: DOCUMENTS })
    expect(standing?.sizeBytes).toBeGreaterThan(DOCUMENTS * 4 * (standing?.dimension ?? 0))
    // A new chunk in the middle of it is found by both in the end.
    await at.put('document', 'late', document('Late', 'It came in between.'))
    models.state.failAfter = Number.POSITIVE_INFINITY
    expect((await at.index.round(signal)).vectors).toBe(DOCUMENTS - 64 + 1)
    expect((await heldStamps(at.db)).map(({ model, complete }) => [model, complete])).toEqual([
      [models.second, true],
    ])
    expect((await readyVectors(at.db, models.embedders))?.stamp.model).toBe(models.second)
    expect(await count('search.vector')).toBe(DOCUMENTS + 1)
    expect(await at.index.round(signal)).toEqual({ rows: 0, vectors: 0 })
  })

  it('answers by words alone while neither is complete and here', async () => {
    const models = twoModels('/nonexistent')
    at = await stage(() => models.embedders)
    await at.put('document', 'a', document('Seal', 'It drips.'))
    await at.index.round(signal)
    models.state.chosen = models.second
    models.state.isFirstHere = false
    expect(await readyVectors(at.db, models.embedders)).toBeNull()
  })
})
