import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TemplateDamaged } from '../../../shared/sql/errors.ts'
import { pack, unpack } from '../../../shared/sql/template/archive.ts'
import { TEMPLATE_FILE, TEMPLATE_SHA256 } from '../../../shared/sql/template/digest.ts'
import { placeTemplate, templatePath } from '../../../shared/sql/template/place-template.ts'
import { dataFolder } from '../../support/data-folder.ts'

const compressed = (bytes: Uint8Array): Uint8Array =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })

let folder: Awaited<ReturnType<typeof dataFolder>>
let dataDir: string
beforeEach(async () => {
  folder = await dataFolder('template')
  dataDir = join(folder.path, 'pgdata')
})
afterEach(async () => await folder.remove())

describe('the shipped template', () => {
  it('lies where its digest says', () => {
    expect(createHash('sha256').update(readFileSync(templatePath())).digest('hex')).toBe(TEMPLATE_SHA256)
  })

  it('is made for the version of PGlite that is installed', () => {
    const manifest = new URL('../../../node_modules/@electric-sql/pglite/package.json', import.meta.url)
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
    expect(TEMPLATE_FILE).toContain(`pglite-${version}-`)
  })

  it('becomes a data folder that only its owner reads, and leaves nothing beside it', async () => {
    await placeTemplate(dataDir)
    expect(readdirSync(folder.path)).toEqual(['pgdata'])
    expect(readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim()).toBe('18')
  })

  it('clears away what a process left that was killed while unpacking', async () => {
    const left = join(folder.path, 'pgdata.unpacking-123')
    mkdirSync(left)
    writeFileSync(join(left, 'PG_VERSION'), '18')
    await placeTemplate(dataDir)
    expect(existsSync(left)).toBe(false)
  })

  it('is refused when a byte of it is flipped, and no folder is made', async () => {
    const path = join(folder.path, 'flipped')
    copyFileSync(templatePath(), path)
    const bytes = readFileSync(path)
    const middle = bytes.length >> 1
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
    writeFileSync(path, bytes)
    await expect(placeTemplate(dataDir, path)).rejects.toThrow(TemplateDamaged)
    rmSync(path)
    expect(readdirSync(folder.path)).toEqual([])
  })

  it('is refused when it is cut short, and when it is missing', async () => {
    const path = join(folder.path, 'short')
    writeFileSync(path, readFileSync(templatePath()).subarray(0, 1_000))
    await expect(placeTemplate(dataDir, path)).rejects.toMatchObject({ code: 'database_template_damaged' })
    await expect(placeTemplate(dataDir, join(folder.path, 'none'))).rejects.toThrow(TemplateDamaged)
    expect(existsSync(dataDir)).toBe(false)
  })
})

describe('an archive', () => {
  const content = (text: string): Uint8Array => new TextEncoder().encode(text)

  it('holds folders and files, equal contents once', () => {
    const files = ['a', 'base/b', 'base/c'].map((path) => ({
      path,
      content: content('the same '.repeat(99)),
    }))
    const unpacked = unpack(pack({ folders: ['base', 'empty'], files }))
    expect(unpacked.folders).toEqual(['base', 'empty'])
    expect(unpacked.files.map(({ path }) => path)).toEqual(['a', 'base/b', 'base/c'])
    for (const file of unpacked.files)
      expect(Buffer.from(file.content).toString()).toBe('the same '.repeat(99))
  })

  it.each(['../outside', '/etc/passwd', 'base/../../outside', 'a//b', '', '.', 'base/.'])(
    'with the path %j is refused',
    (path) => {
      expect(() => unpack(pack({ folders: [], files: [{ path, content: content('x') }] }))).toThrow()
      expect(() => unpack(pack({ folders: [path], files: [] }))).toThrow()
    },
  )

  it('is refused when its contents are shorter or longer than its index says, or it is none', () => {
    const framed = (index: unknown, rest: string): Uint8Array => {
      const head = Buffer.from(JSON.stringify(index))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(head.length)
      return compressed(Buffer.concat([length, head, Buffer.from(rest)]))
    }
    const index = { folders: [], files: [['a', 0]], contentSizes: [4] }
    expect(unpack(framed(index, 'four')).files).toHaveLength(1)
    expect(() => unpack(framed(index, 'thr'))).toThrow()
    expect(() => unpack(framed(index, 'fives'))).toThrow()
    expect(() => unpack(framed({ ...index, files: [['a', 1]] }, 'four'))).toThrow()
    expect(() => unpack(framed({}, 'four'))).toThrow()
    expect(() => unpack(content('not brotli'))).toThrow()
    expect(() => unpack(compressed(new Uint8Array(65 * 1024 * 1024)))).toThrow()
  })
})
