/**
 * The words and the outcome of the TUF command: `tuf-cli.ts` runs it in a process of its own. It parses its own words,
 * since it is started for every single step and a parser of options would take longer to load than the step.
 */
import { readFile } from 'node:fs/promises'
import { openTrust } from '../../rollout/tuf/trust.ts'
import { reportError } from '../../shared/errors.ts'
import { httpSource } from './http-source.ts'
import { MetadataFolder } from './metadata-folder.ts'
import { TargetFolder } from './target-folder.ts'
import { Updater } from './updater.ts'

const USAGE = `usage: tuf-cli --metadata-dir DIR init ROOT.json
       tuf-cli --metadata-url URL --metadata-dir DIR refresh
       tuf-cli --metadata-url URL --metadata-dir DIR --target-name T [--target-name T2 …]
               --target-dir TD --target-base-url BU download`
const OPTIONS = ['metadata-dir', 'metadata-url', 'target-name', 'target-dir', 'target-base-url'] as const
type Option = (typeof OPTIONS)[number]

class WrongWords extends Error {}

interface Words {
  readonly options: ReadonlyMap<Option, readonly string[]>
  readonly plain: readonly string[]
}

/** The word after an option is its value, whatever it looks like: a target may be called `--x`. */
function parse(argv: readonly string[]): Words {
  const options = new Map<Option, readonly string[]>()
  const plain: string[] = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ''
    if (!word.startsWith('--')) {
      plain.push(word)
      continue
    }
    const name = OPTIONS.find((option) => word === `--${option}`)
    const value = argv[index + 1]
    if (name === undefined || value === undefined) throw new WrongWords(word)
    options.set(name, [...(options.get(name) ?? []), value])
    index += 1
  }
  return { options, plain }
}

function one(words: Words, name: Option): string {
  const values = words.options.get(name) ?? []
  const [value] = values
  if (value === undefined || values.length > 1) throw new WrongWords(`--${name} is needed, once`)
  return value
}

async function main(argv: readonly string[], startedMs: number): Promise<void> {
  const words = parse(argv)
  const folder = new MetadataFolder(one(words, 'metadata-dir'))
  const [command, rootFile] = words.plain
  if (command === 'init' && rootFile !== undefined) return await init(folder, rootFile, startedMs)
  if (command === 'refresh') {
    await Updater.refreshed(httpSource({ metadataUrl: one(words, 'metadata-url') }), folder, startedMs)
    return
  }
  if (command === 'download') return await download(words, folder, startedMs)
  throw new WrongWords(command ?? 'no command')
}

/** A root is trusted because a person says so; that it is one, and signs itself, is checked all the same. */
async function init(folder: MetadataFolder, rootFile: string, startedMs: number): Promise<void> {
  const bytes = await readFile(rootFile)
  openTrust(bytes, startedMs)
  await folder.write('root', bytes)
}

async function download(words: Words, folder: MetadataFolder, startedMs: number): Promise<void> {
  const source = httpSource({
    metadataUrl: one(words, 'metadata-url'),
    targetUrl: one(words, 'target-base-url'),
  })
  const targets = new TargetFolder(one(words, 'target-dir'))
  const names = words.options.get('target-name') ?? []
  if (names.length === 0) throw new WrongWords('--target-name is needed')
  const updater = await Updater.refreshed(source, folder, startedMs)
  for (const name of names) {
    const target = await updater.find(name)
    if (!(await targets.holds(target))) await targets.take(target, updater.fetch(target))
  }
}

/** Runs one command as of `startedMs`. Returns the exit status and what to say on stderr. */
export async function runTufCommand(
  argv: readonly string[],
  startedMs: number,
): Promise<{ readonly status: number; readonly complaint: string }> {
  try {
    await main(argv, startedMs)
    return { status: 0, complaint: '' }
  } catch (thrown) {
    if (thrown instanceof WrongWords)
      return { status: 2, complaint: `tuf-cli: ${thrown.message}\n${USAGE}\n` }
    const { code, message, remedy } = reportError(thrown)
    return { status: 1, complaint: `tuf-cli: ${message} (${code})\n${remedy}\n` }
  }
}
