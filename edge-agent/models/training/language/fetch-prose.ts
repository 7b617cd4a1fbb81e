/** The first step of the language recipe: `node fetch-prose.js OUT` writes the prose of Perl's manual, a sentence a line. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { podSentences } from './pod-text.ts'

const PACKAGE = 'perl-doc'
/** A download and its unpacking, on a slow line. */
const MAX_STEP_MS = 600_000

const [out = ''] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'starling-prose-'))
try {
  run('apt-get', ['download', PACKAGE])
  const [deb] = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  if (deb === undefined) throw new Error(`apt-get gave no package ${PACKAGE}`)
  run('dpkg', ['-x', deb, 'unpacked'])
  const root = join(folder, 'unpacked/usr/share/perl')
  const sentences = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.pod') && !path.endsWith('delta.pod'))
    .toSorted()
    .flatMap((path) => podSentences(readFileSync(join(root, path), 'latin1')))
  writeFileSync(out, sentences.map((words) => `${words.join(' ')}\n`).join(''))
  console.log(`${sentences.length} sentences of ${deb}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(program: string, words: readonly string[]): void {
  const { status, error } = spawnSync(program, words, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], timeout: MAX_STEP_MS })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${error?.message ?? String(status)}`)
}
