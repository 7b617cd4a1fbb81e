import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/seeded.ts'
import { openCentreStage, openCopy, straight, type CentreStage, type CopyStage } from './stage.ts'

describe('the device’s copy', () => {
  let centre: CentreStage
  let copy: CopyStage
  beforeAll(async () => {
    centre = await openCentreStage()
    for (let index = 0; index < 60; index++)
      await centre.put('asset', `a${index}`, `pump ${index}\t\\ "${index}"\n`)
    await centre.put('part', 'p1', 'seal')
    copy = await openCopy(centre)
  }, 60_000)
  afterAll(async () => {
    await copy.close()
    await centre.close()
  })

  const holds = async (stage: CopyStage): Promise<void> => {
    for (const verdict of await stage.verify()) expect(verdict).toMatchObject({ holds: true })
  }

  /** The device is at another site from now on; resolves when its copy shows a note of there. */
  const moveTo = async (site: string, note: string): Promise<void> => {
    centre.site = site
    do {
      copy = await copy.again()
      await copy.sync.untilFirst(AbortSignal.timeout(20_000))
    } while (!(note in (await copy.words('note'))))
  }

  it('C1, C4: is loaded in pieces, follows changes and removals, and equals the centre’s at the same transaction', async () => {
    await holds(copy)
    expect(Object.keys(await copy.words('asset'))).toHaveLength(60)
    expect((await copy.words('asset'))['a7']).toBe('pump 7\t\\ "7"\n')
    await centre.put('asset', 'a7', 'another pump')
    await centre.remove('asset', 'a8')
    await centre.put('note', 'n1', 'leaks')
    await holds(copy)
    expect((await copy.words('asset'))['a7']).toBe('another pump')
    expect(await copy.words('note')).toEqual({ n1: 'leaks' })
    const { lag, lsn, stalenessMs, tables } = copy.sync.status()
    expect([lag, lsn !== null, stalenessMs !== null && stalenessMs < 60_000]).toEqual([0, true, true])
    expect(tables.every(({ bytes, pending }) => bytes > 0 && pending === 0)).toBe(true)
  })

  it('C2: tables that change in one transaction change at once for every reader', async () => {
    await copy.sync.untilFirst(AbortSignal.timeout(20_000))
    const { db } = copy.governed
    const stop = new AbortController()
    const watching = (async () => {
      const seen: [string | undefined, string | undefined][] = []
      while (!stop.signal.aborted) {
        const rows = await db.query<{ tbl: string; name: string }>(
          `select tbl, coalesce(body->>'name', body->>'text') as name from context.current where key = 'twin'`,
        )
        seen.push([
          rows.find(({ tbl }) => tbl === 'asset')?.name,
          rows.find(({ tbl }) => tbl === 'note')?.name,
        ])
      }
      return seen
    })()
    for (let round = 0; round < 15; round++)
      await centre.together(async (put) => {
        await put('asset', 'twin', `round ${round}`)
        await put('note', 'twin', `round ${round}`)
      })
    await holds(copy)
    stop.abort()
    const seen = await watching
    expect(seen.every(([asset, note]) => asset === note)).toBe(true)
    expect(seen.at(-1)?.[0]).toBe('round 14')
  })

  it('C3, C6: a restart goes on from its offsets without fetching anew, and writes nothing where nothing changed', async () => {
    await holds(copy)
    const records = 'select count(*) as n from journal.record'
    const before = await copy.governed.db.query(records)
    copy = await copy.again()
    await holds(copy)
    expect(copy.sync.status().tables.map(({ refetches }) => refetches)).toEqual([0, 0, 0, 0])
    expect(await copy.governed.db.query(records)).toEqual(before)
  })

  it('C8: another site’s rows are never there, and those of the old site go when the device moves', async () => {
    await centre.put('note', 'north-only', 'here', 'north')
    await centre.put('note', 'south-only', 'there', 'south')
    await holds(copy)
    expect(Object.keys(await copy.words('note'))).toContain('north-only')
    expect(Object.keys(await copy.words('note'))).not.toContain('south-only')
    await moveTo('south', 'south-only')
    await holds(copy)
    expect(Object.keys(await copy.words('note'))).not.toContain('north-only')
    await moveTo('north', 'north-only')
  })

  it('asks a person’s table anew, and shows the old one until the new one is whole', async () => {
    await holds(copy)
    await copy.governed.db.query(
      `update context.row set body = '{"name":"wrong"}' where tbl = 'asset' and key = 'a1'`,
    )
    expect((await copy.verify()).find(({ table }) => table === 'asset')).toMatchObject({ holds: false })
    await copy.sync.resync(['asset'], AbortSignal.timeout(20_000))
    await holds(copy)
  })

  it('mends itself when a change meets a row that is not there', async () => {
    await holds(copy)
    await copy.governed.db.query(`delete from context.row where tbl = 'asset' and key = 'a2'`)
    await centre.put('asset', 'a2', 'changed')
    await holds(copy)
    expect((await copy.words('asset'))['a2']).toBe('changed')
    expect(copy.logged.join()).toContain('fetched anew')
  })

  it('C7: nothing is applied that the policy does not admit; once it does, nothing is missing', async () => {
    await holds(copy)
    copy.governed.follow({ rules: [] })
    const before = await copy.words('part')
    await centre.put('part', 'p9', 'valve')
    while (!copy.logged.join().includes('the context waits'))
      await new Promise((resolve) => setImmediate(resolve))
    expect(await copy.words('part')).toEqual(before)
    copy.governed.follow({})
    await holds(copy)
    expect((await copy.words('part'))['p9']).toBe('valve')
  })

  it('settles a local change when its outcome comes, and not before', async () => {
    await holds(copy)
    const { db } = copy.governed
    await db.query(
      `insert into local.overlay (write_id, tbl, key, patch, sets, base_version)
       values ('w1', 'part', 'p1', '{"name":"mine"}', '{"name":"mine"}', 1)`,
    )
    await centre.put('part', 'p2', 'gasket')
    await holds(copy)
    expect((await copy.words('part'))['p1']).toBe('mine')
    await centre.together(async (put) => {
      await put('part', 'p1', 'theirs')
      await put('write_result', 'w1', 'p1')
    })
    await holds(copy)
    expect((await copy.words('part'))['p1']).toBe('theirs')
    expect(await db.query('select 1 from local.overlay')).toEqual([])
  })

  describe('against a hostile way', () => {
    afterEach(async () => {
      copy = await copy.again(straight(centre))
    })

    type Bend = (answer: Response, request: Request, text: string) => Response | Promise<Response>
    const bent =
      (bend: Bend): typeof fetch =>
      async (input, init) => {
        const request = new Request(input, init)
        const answer = await centre.fetch(request)
        return await bend(answer, request, await answer.text())
      }
    const rebuilt = ({ status, headers }: Response, text: string): Response =>
      new Response([204, 304].includes(status) ? null : text, { status, headers })

    it('S3 to S5, S8: duplicates, cut bodies, missing headers, foreign answers and caches that keep too long change nothing', async () => {
      const random = seeded(7)
      const cache = new Map<string, [string, Response]>()
      const bend: Bend = (answer, request, text) => {
        const url = new URL(request.url)
        const name = `${url.pathname}${url.searchParams.get('offset') ?? ''}`
        const kept = cache.get(name)
        if (answer.status === 200) cache.set(name, [text, answer])
        const chance = random()
        if (chance < 0.08) return rebuilt(answer, text.slice(0, Math.floor(text.length * random())))
        if (chance < 0.16) {
          const headers = new Headers(answer.headers)
          const names = ['electric-handle', 'electric-offset', 'electric-schema', 'electric-cursor']
          headers.delete(names[Math.floor(random() * names.length)] ?? '')
          return rebuilt(new Response(null, { status: answer.status, headers }), text)
        }
        if (chance < 0.24 && kept !== undefined && !url.searchParams.has('cache-buster'))
          return rebuilt(kept[1], kept[0])
        if (chance < 0.28) return new Response('no', { status: 503, headers: { 'retry-after': '0' } })
        if (chance < 0.3) throw new TypeError('fetch failed')
        return rebuilt(answer, text)
      }
      copy = await copy.again(bent(bend))
      for (let round = 0; round < 25; round++) {
        await centre.together(async (put) => {
          await put('asset', `a${round}`, `bent ${round}`)
          await put('note', `bent-${round}`, `bent ${round}`)
        })
        if (round % 5 === 0) await centre.remove('note', `bent-${round}`)
      }
      await holds(copy)
    }, 60_000)

    it('S7: a centre that says for ever to start again is left alone, and the rest of the copy stays as it was', async () => {
      await holds(copy)
      let refusals = 0
      const before = await copy.words('asset')
      copy = await copy.again(
        bent((answer, request, text) => {
          if (!request.url.includes('/note')) return rebuilt(answer, text)
          refusals += 1
          return new Response('[{"headers":{"control":"must-refetch"}}]', {
            status: 409,
            headers: { 'electric-handle': `never-${refusals}` },
          })
        }),
      )
      while (copy.sync.status().tables.find(({ table }) => table === 'note')?.state !== 'waiting')
        await new Promise((resolve) => setImmediate(resolve))
      expect(refusals).toBe(6)
      expect(copy.logged.filter((line) => line.includes('endless_refetch'))).toHaveLength(1)
      await centre.put('asset', 'a3', 'not shown while notes stand elsewhere')
      expect(await copy.words('asset')).toEqual(before)
    })

    it('C8: rows of another table are not taken, whatever their address', async () => {
      await holds(copy)
      const before = await copy.words('part')
      copy = await copy.again(
        bent((answer, request, text) =>
          request.url.includes('/part')
            ? rebuilt(answer, text.replaceAll('"part"', '"person"'))
            : rebuilt(answer, text),
        ),
      )
      await centre.put('part', 'p3', 'from elsewhere')
      while (!copy.logged.join().includes('it holds a row of person'))
        await new Promise((resolve) => setImmediate(resolve))
      expect(await copy.words('part')).toEqual(before)
    })

    it('T6: one who is shut out is told once, and keeps what it has', async () => {
      await holds(copy)
      const before = await copy.words('asset')
      centre.isRevoked = true
      await centre.named.revoke('device-1')
      while (!copy.logged.join().includes('denied')) await new Promise((resolve) => setImmediate(resolve))
      centre.isRevoked = false
      expect(await copy.words('asset')).toEqual(before)
    })
  })
})
