/**
 * PostgreSQL's data checksums, verified from outside (src/include/storage/checksum_impl.h): a bit that flipped on the disk is
 * found when the database is opened and before it is copied, not weeks later by whoever reads that row.
 */
import { open, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Queryable } from '../port.ts'

const PAGE_BYTES = 8_192
const SEGMENT_PAGES = 131_072
const SUMS = 32
const ROUNDS = PAGE_BYTES / 4 / SUMS
const FNV_PRIME = 16_777_619
/** Pages read at once: 1 MiB. */
const READ_PAGES = 128
const CHECKSUM_AT = 8
/** pd_upper: zero in a page that was never written. */
const UPPER_AT = 14

// checksum_impl.h, checksumBaseOffsets.
const BASE_OFFSETS = Uint32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
)

/** The checksum of a page (its own field counted as zero) that stands as number `block` of its relation's file. */
export function pageChecksum(page: Uint8Array, block: number): number {
  // A copy, since a Buffer may begin at any byte.
  const words = new Uint32Array(Uint8Array.from(page).buffer)
  // The upper half of the third word is pd_flags; the checksum is the lower.
  words[CHECKSUM_AT / 4] = (words[CHECKSUM_AT / 4] ?? 0) & 0xffff_0000
  const sums = BASE_OFFSETS.slice()
  for (let round = 0; round < ROUNDS + 2; round++)
    for (let lane = 0; lane < SUMS; lane++) {
      // Two rounds of zeroes follow, for the last words to be mixed as well as the first.
      const word = round < ROUNDS ? (words[round * SUMS + lane] ?? 0) : 0
      const mixed = (sums[lane] ?? 0) ^ word
      sums[lane] = Math.imul(mixed, FNV_PRIME) ^ (mixed >>> 17)
    }
  let sum = 0
  for (const lane of sums) sum ^= lane
  return (((sum ^ block) >>> 0) % 65_535) + 1
}

export interface BadPage {
  /** Relative to the data folder. */
  readonly file: string
  readonly block: number
}

/**
 * The first page of `files` (of {@link relationPaths}) whose checksum does not hold; null when all do. Only while no engine
 * writes in `dataDir`.
 */
export async function findBadPage(dataDir: string, files: readonly string[]): Promise<BadPage | null> {
  for (const file of files)
    for (const part of await segmentsOf(dataDir, file)) {
      const block = await badBlock(join(dataDir, part))
      if (block !== null) return { file: part, block }
    }
  return null
}

/**
 * The files of all tables and indexes, relative to the data folder. Not the free space and visibility maps, which PostgreSQL
 * mends by itself, and no file that an interrupted transaction left behind and nobody will read.
 */
export async function relationPaths(sql: Queryable): Promise<readonly string[]> {
  const rows = await sql.query<{ path: string }>(
    `select pg_relation_filepath(oid) as path from pg_class
     where relpersistence <> 't' and pg_relation_filepath(oid) is not null`,
  )
  return rows.map(({ path }) => path)
}

/** A relation past 1 GiB goes on in files of its name with .1, .2 and so on. */
async function segmentsOf(dataDir: string, file: string): Promise<readonly string[]> {
  const names = await readdir(join(dataDir, dirname(file)))
  const name = basename(file)
  return names
    .filter(
      (found) =>
        found === name || (found.startsWith(`${name}.`) && /^\d+$/.test(found.slice(name.length + 1))),
    )
    .map((found) => `${dirname(file)}/${found}`)
}

async function badBlock(path: string): Promise<number | null> {
  const segment = Number(/\.(\d+)$/.exec(path)?.[1] ?? 0)
  const buffer = Buffer.alloc(READ_PAGES * PAGE_BYTES)
  const file = await open(path, 'r')
  try {
    for (let block = 0; ; block += READ_PAGES) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, block * PAGE_BYTES)
      for (let at = 0; at + PAGE_BYTES <= bytesRead; at += PAGE_BYTES) {
        const number = block + at / PAGE_BYTES
        if (!holds(buffer.subarray(at, at + PAGE_BYTES), segment * SEGMENT_PAGES + number)) return number
      }
      if (bytesRead < buffer.length) return null
    }
  } finally {
    await file.close()
  }
}

function holds(page: Buffer, block: number): boolean {
  if (page.readUInt16LE(UPPER_AT) === 0) return page.every((byte) => byte === 0)
  return page.readUInt16LE(CHECKSUM_AT) === pageChecksum(page, block)
}
