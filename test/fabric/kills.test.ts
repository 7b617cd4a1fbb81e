import { tmpdir } from 'node:os'
import { beforeAll, describe, expect, it } from 'vitest'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import { FAULTS, planFaults } from './faults.ts'
import { runOnce } from './run.ts'
import { judgeCentre } from './verdict.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { INGEST_SCHEMA } from '../../control-plane/ingest/schema.ts'

describe('real processes, killed, cut off and filled up at seeded moments', () => {
  let binary = ''
  beforeAll(async () => {
    const found = await findNatsServer({
      env: process.env,
      cacheDir: tmpdir(),
      mayInstall: true,
      onProgress: (line) => process.stderr.write(`${line}\n`),
      signal: AbortSignal.timeout(300_000),
    })
    binary = found.path
  }, 300_000)

  // Seeds whose plans together hold every fault; `npm run soak` runs hundreds.
  const seeds = [8, 9, 12, 15, 22]

  it('meets every fault with the seeds of this short set', () => {
    const met = new Set(seeds.flatMap((seed) => planFaults(seed).map(({ kind }) => kind)))
    expect([...met].sort()).toEqual([...FAULTS].sort())
  })

  for (const seed of seeds)
    it(`loses nothing and doubles nothing under seed ${seed}`, async () => {
      const result = await runOnce({ seed, binary })
      expect(result.failures, result.notes.join('\n')).toEqual([])
      expect(result.acked).toBeGreaterThan(0)
      expect(result.stored).toBeGreaterThanOrEqual(result.acked)
    }, 150_000)
})

describe('the judge of these runs', () => {
  it('sees a lost record, another one in its place, a hole without a name and a write applied twice', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'starling-judge-'))
    const db = await openDatabase({ dir })
    await db.script(`${INGEST_SCHEMA}; create table applied (id text not null, device text not null)`)
    const hash = (digit: string): string => digit.repeat(64)
    for (const [seq, own, prev] of [
      [1, 'a', '0'],
      [2, 'b', 'a'],
      [4, 'd', 'c'],
    ] as const)
      await db.query(
        `insert into ingest.record (tenant, device, seq, id, kind, at, hash, text) values ('t', 'dev-1', $1, $2, 'write', '', $3, $4)`,
        [seq, `id-${seq}`, hash(own), JSON.stringify({ prev: hash(prev) })],
      )
    await db.script("insert into applied values ('id-1', 'dev-1'), ('id-2', 'dev-1'), ('id-2', 'dev-1')")
    await db.close()
    const acked = [2, 3, 4].map((seq) => ({ seq, hash: hash('d'), kind: 'write', id: `id-${seq}` }))
    const { faults } = await judgeCentre(dir, 'dev-1', acked)
    rmSync(dir, { recursive: true, force: true })
    expect(faults).toEqual([
      'record 2 is another',
      'record 3 is lost',
      'record 3 is missing and no gap names it',
      'record 4 breaks the chain',
      'the write 2 was applied 2 times',
      'the write 4 was applied 0 times',
    ])
  })
})
