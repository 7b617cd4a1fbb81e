/**
 * The recipe of the template: `npm run build && node dist/shared/sql/template/make-template.js`, after every change of
 * PGlite's version or of INITDB_PARAMS. Writes the archive and its digest into the source tree, to be committed.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { INITDB_PARAMS, startParams } from '../settings.ts'
import { pack } from './archive.ts'
import type { Archive } from './archive.ts'
import { templatePath } from './place-template.ts'

/** Nothing of one run belongs in what every device starts from. */
const LEFT_OUT: ReadonlySet<string> = new Set(['postmaster.pid', 'postmaster.opts'])

async function initialise(dir: string): Promise<void> {
  const pg = await PGlite.create({
    fs: new NodeFS(dir),
    startParams: startParams(),
    initDbStartParams: [...INITDB_PARAMS],
    onStderr: () => true,
  })
  // Starling makes no second database; without these, a new folder and a recovery sync a third of the files.
  await pg.exec(`UPDATE pg_database SET datistemplate = false WHERE datname LIKE 'template_'`)
  await pg.exec('DROP DATABASE template0')
  await pg.exec('DROP DATABASE template1')
  await pg.exec('VACUUM (FREEZE, ANALYZE)')
  await pg.exec('CHECKPOINT')
  await pg.close()
}

function read(root: string): Archive {
  const folders: string[] = []
  const files: { path: string; content: Uint8Array }[] = []
  const walk = (dir: string): void => {
    const entries = readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) {
        folders.push(relative(root, path))
        walk(path)
      } else if (!LEFT_OUT.has(entry.name))
        files.push({ path: relative(root, path), content: readFileSync(path) })
    }
  }
  walk(root)
  return { folders, files }
}

function version(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

const dir = mkdtempSync(join(tmpdir(), 'starling-template-'))
try {
  await initialise(dir)
  const packed = pack(read(dir))
  const folder = dirname(templatePath())
  const digest = createHash('sha256').update(packed).digest('hex')
  const file = `pglite-${version()}-${digest.slice(0, 8)}.template.br`
  for (const name of readdirSync(folder)) if (name.endsWith('.template.br')) rmSync(join(folder, name))
  writeFileSync(join(folder, file), packed)
  writeFileSync(
    join(folder, 'digest.ts'),
    `/** Written by make-template.ts. */\nexport const TEMPLATE_FILE = '${file}'\nexport const TEMPLATE_SHA256 = '${digest}'\n`,
  )
  process.stdout.write(`${file}: ${String(packed.length)} bytes, sha256 ${digest}\n`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
