import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canonicalBytes } from '../../../shared/canonical.ts'
import { uuidV7 } from '../../../shared/ids.ts'
import { JournalFile } from '../../../shared/journal/journal-file.ts'
import { GENESIS_HASH, type JournalRecord } from '../../../shared/journal/record.ts'
import { hashOf } from '../../../shared/journal/seal.ts'
import { dataFolder } from '../../support/data-folder.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let path = ''
beforeEach(async () => {
  folder = await dataFolder('journal-file')
  path = join(folder.path, 'journal')
})
afterEach(async () => await folder.remove())

function chain(count: number): readonly { readonly record: JournalRecord; readonly text: string }[] {
  let prev = GENESIS_HASH
  return Array.from({ length: count }, (_, index) => {
    const id = uuidV7(1_000 + index, randomBytes(10))
    const unhashed = {
      v: 1 as const,
      id,
      origin: 'device-1',
      seq: index + 1,
      prev,
      at: '2026-06-01T08:00:00.000Z',
      body: { kind: 'gap', from: 1, to: 2, reason: 'x'.repeat(100) } as const,
    }
    const record: JournalRecord = { ...unhashed, hash: hashOf(unhashed) }
    prev = record.hash
    return { record, text: Buffer.from(canonicalBytes(record)).toString('utf8') }
  })
}

async function sequences(file: JournalFile): Promise<readonly number[]> {
  const found: number[] = []
  for await (const line of file.lines()) if (line.kind === 'record') found.push(line.seq)
  return found
}

describe('the journal in a file', () => {
  it('says at the next opening where it ends, with what was appended at the same time in the order of asking', async () => {
    const records = chain(6)
    const file = await JournalFile.open(path)
    expect(file.head).toEqual({ seq: 0, hash: GENESIS_HASH })
    await Promise.all([
      file.appendRecords(records.slice(0, 2)),
      file.appendRecords(records.slice(2, 3)),
      file.appendRecords(records.slice(3)),
    ])
    await file.noteShipped(4)
    await file.close()
    const again = await JournalFile.open(path)
    expect(again.head).toEqual({ seq: 6, hash: records[5]?.record.hash })
    expect(again.shippedSeq).toBe(4)
    expect(await sequences(again)).toEqual([1, 2, 3, 4, 5, 6])
    await again.close()
  })

  it('cuts off a line that a power cut tore, and goes on after it', async () => {
    const records = chain(3)
    const file = await JournalFile.open(path)
    await file.appendRecords(records.slice(0, 2))
    await file.close()
    const [name = ''] = await readdir(path)
    await appendFile(join(path, name), `r ${records[2]?.text.slice(0, 60)}`)
    const again = await JournalFile.open(path)
    expect(again.head.seq).toBe(2)
    await again.appendRecords(records.slice(2))
    expect(await sequences(again)).toEqual([1, 2, 3])
    await again.close()
  })

  it('ends where a line was changed', async () => {
    const records = chain(3)
    const file = await JournalFile.open(path)
    await file.appendRecords(records)
    await file.close()
    const [name = ''] = await readdir(path)
    const text = await readFile(join(path, name), 'utf8')
    await writeFile(join(path, name), text.replace('"seq":2', '"seq":"2"'))
    const again = await JournalFile.open(path)
    expect(await sequences(again)).toEqual([1])
    await again.close()
  })

  it('keeps what the centre does not hold, and of the rest no more than its limit', async () => {
    const records = chain(40)
    const file = await JournalFile.open(path, { segmentBytes: 1_000, keptBytes: 4_000 })
    for (const one of records.slice(0, 20)) await file.appendRecords([one])
    expect((await sequences(file))[0]).toBe(1)
    await file.noteShipped(15)
    for (const one of records.slice(20)) await file.appendRecords([one])
    const kept = await sequences(file)
    expect(kept[0]).toBeGreaterThan(10)
    expect(kept[0]).toBeLessThanOrEqual(16)
    expect(kept.at(-1)).toBe(40)
    await file.close()
  })

  it('is put aside whole when it begins anew', async () => {
    const file = await JournalFile.open(path)
    await file.appendRecords(chain(2))
    await file.startOver()
    expect(file.head.seq).toBe(0)
    await file.appendRecords(chain(1))
    expect(await sequences(file)).toEqual([1])
    expect(await readdir(`${path}.damaged`)).toHaveLength(1)
    await file.close()
  })

  it('refuses a folder that is a file, before anything is acknowledged', async () => {
    await mkdir(folder.path, { recursive: true })
    await writeFile(path, 'not a folder')
    await expect(JournalFile.open(path)).rejects.toMatchObject({ code: 'EEXIST' })
  })
})
