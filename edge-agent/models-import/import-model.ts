/**
 * Takes a model that its user has: reads what its files are, copies them beside a card with licence and digests, runs it
 * once, and gives it its place by one rename. What cannot be run is refused and leaves nothing behind.
 */
import { randomUUID } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { openEmbedder } from '../embedding/embedder.ts'
import { probeEmbedder } from '../embedding/probe.ts'
import { embeddingFolder } from '../embedding/shelf.ts'
import { readVocabulary } from '../embedding/word-pieces.ts'
import { realDisk } from '../models-store/disk.ts'
import { withFile } from '../neural/byte-source.ts'
import {
  FILE_NAMES,
  filesDigest,
  NO_LICENCE_SAID,
  type CardFile,
  type ImportedCard,
  type ModelClass,
} from '../neural/model-card.ts'
import { ModelFileRefused } from '../neural/model-file-refused.ts'
import { fileSha256, readCard } from '../neural/model-folder.ts'
import { openNeuralRecogniser } from '../neural/neural-recogniser.ts'
import { readOnnxHeader, type OnnxHeader } from '../neural/onnx-header.ts'
import { recogniseModel, type RecognisedModel } from '../neural/recognise-model.ts'
import { checkedLicence, checkedName, isLicence, ModelNameRefused } from './naming.ts'
import { readTokens } from '../neural/tokens.ts'

export interface ImportWish {
  /** The device's folder of imported models. */
  readonly folder: string
  /** ONNX files, and `tokens.txt` among them or beside the first. */
  readonly files: readonly string[]
  readonly tokens?: string
  readonly name?: string
  /** An SPDX expression; what the file says, or NOASSERTION, when absent. */
  readonly licence?: string
  readonly nowMs: number
  readonly signal: AbortSignal
}

export interface Imported {
  readonly card: ImportedCard
  readonly dir: string
  /** False when the very same model lay there already. */
  readonly isNew: boolean
}

/** Throws {@link ModelFileRefused}, {@link ModelNameRefused} or {@link LicenceRefused}. */
export async function importModel(wish: ImportWish): Promise<Imported> {
  const onnx = wish.files.filter((path) => extname(path) !== '.txt')
  const headers = onnx.map((path) => withFile(path, basename(path), readOnnxHeader))
  const twice = headers.find(({ file }, at) => headers.findIndex((other) => other.file === file) !== at)
  if (twice !== undefined)
    throw new ModelFileRefused('files-missing', {
      file: twice.file,
      found: 'two files of that name',
      expected: 'each part of a model once',
    })
  const model = recogniseModel(headers)
  const name = nameOf(wish, onnx)
  const licence = licenceOf(wish.licence, headers)
  const sources = sourcesOf(model, wish, onnx)
  const dir = join(wish.folder, name)
  const files = sources.map(({ file, path }): CardFile => ({
    file,
    sha256: fileSha256(path),
    sizeBytes: statSync(path).size,
    given: basename(path),
  }))
  const card = cardOf({ model, name, licence, files, headers, nowMs: wish.nowMs })
  const before = sameModel(dir, card)
  if (before !== null) return { card: before, dir, isNew: false }
  return await place({ dir, card, sources, kind: model.kind, signal: wish.signal })
}

interface Source {
  readonly file: CardFile['file']
  readonly path: string
}

function sourcesOf(model: RecognisedModel, wish: ImportWish, onnx: readonly string[]): readonly Source[] {
  const pathOf = (header: OnnxHeader): string =>
    onnx.find((path) => basename(path) === header.file) ?? header.file
  if (model.kind === 'vad') return [{ file: FILE_NAMES.model, path: pathOf(model.header) }]
  if (model.kind === 'embedding') {
    const vocabulary = tokensPath(wish, onnx, FILE_NAMES.vocabulary)
    readVocabulary(readFileSync(vocabulary, 'utf8'))
    return [
      { file: FILE_NAMES.model, path: pathOf(model.header) },
      { file: FILE_NAMES.vocabulary, path: vocabulary },
    ]
  }
  const tokens = tokensPath(wish, onnx, FILE_NAMES.tokens)
  readTokens(basename(tokens), readFileSync(tokens), model.contract.vocabulary)
  return [
    ...model.roles.map(({ role, header }) => ({ file: FILE_NAMES[role], path: pathOf(header) })),
    { file: FILE_NAMES.tokens, path: tokens },
  ]
}

function tokensPath(wish: ImportWish, onnx: readonly string[], usual: string): string {
  const given = wish.tokens ?? wish.files.find((path) => extname(path) === '.txt')
  const path = given ?? join(dirname(onnx[0] ?? '.'), usual)
  if (existsSync(path) && statSync(path).isFile()) return path
  throw new ModelFileRefused('tokens-missing', {
    file: given ?? usual,
    found: given === undefined ? 'none beside the model' : 'no such file',
    expected: "the model's symbols, a symbol and its number a line",
    remedy: 'Name it with --tokens FILE.',
  })
}

/** What users call it, else the folder that public archives have it in. */
function nameOf(wish: ImportWish, onnx: readonly string[]): string {
  const [first = ''] = onnx
  const parent = basename(dirname(join(process.cwd(), first)))
  const stem = basename(first, extname(first))
  const plain = ['model', 'encoder', 'decoder', 'joiner'].some((word) => stem.startsWith(word))
  return checkedName(wish.name ?? slug(plain && parent !== '' ? parent : stem))
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 64)
}

function licenceOf(given: string | undefined, headers: readonly OnnxHeader[]): string {
  const said = headers
    .flatMap(({ metadata }) => [metadata.get('license'), metadata.get('licence')])
    .find((text) => text !== undefined && isLicence(text))
  return checkedLicence(given ?? said ?? NO_LICENCE_SAID)
}

const SAID = ['model_type', 'language', 'version', 'model_author', 'maintainer', 'comment', 'url']
const MAX_SAID = 1_000

function cardOf(facts: {
  readonly model: RecognisedModel
  readonly name: string
  readonly licence: string
  readonly files: readonly CardFile[]
  readonly headers: readonly OnnxHeader[]
  readonly nowMs: number
}): ImportedCard {
  const { model, name, licence, files, headers } = facts
  const metadata = new Map(headers.flatMap((header) => [...header.metadata]))
  const says = SAID.flatMap((key): [string, string][] => {
    const value = metadata.get(key)
    return value === undefined || value === '' ? [] : [[key, value.slice(0, MAX_SAID)]]
  })
  return {
    v: 1,
    name,
    class: classOf(model),
    contract: contractOf(model),
    licence,
    source: 'imported',
    residency: 'device',
    importedAt: new Date(facts.nowMs).toISOString(),
    files: [...files],
    digest: filesDigest(files),
    says: Object.fromEntries(says),
    warnings: model.kind === 'recogniser' ? [...model.contract.warnings] : [],
    golden: [],
  }
}

function contractOf(model: RecognisedModel): string {
  if (model.kind === 'recogniser') return model.contract.family
  return model.kind === 'vad' ? 'silero-vad' : 'sentence-embedding'
}

function classOf(model: RecognisedModel): ModelClass {
  if (model.kind !== 'recogniser') return model.kind
  return model.contract.contextSize === null ? 'ctc' : 'transducer'
}

/** The same model again is no error; another one under its name is. */
function sameModel(dir: string, card: ImportedCard): ImportedCard | null {
  if (!existsSync(dir)) return null
  const held = readCard(dir)
  if (held.source === 'imported' && held.digest === card.digest && held.licence === card.licence) return held
  throw new ModelNameRefused(
    held.digest === card.digest
      ? `the model ${card.name} is there already under the licence ${held.licence}`
      : `another model is called ${card.name} already`,
    { remedy: `Choose another name with --name, or delete ${dir} first.` },
  )
}

async function place(o: {
  readonly dir: string
  readonly card: ImportedCard
  readonly sources: readonly Source[]
  readonly kind: RecognisedModel['kind']
  readonly signal: AbortSignal
}): Promise<Imported> {
  const { dir, card, sources } = o
  const folder = dirname(dir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  sweep(folder)
  const staged = join(folder, `${STAGED}${process.pid}-${randomUUID()}`)
  mkdirSync(staged, { mode: 0o700 })
  try {
    for (const { file, path } of sources) {
      cpSync(path, join(staged, file), { dereference: true })
      await realDisk.sync(join(staged, file))
    }
    writeCard(staged, card)
    const golden = await run(staged, o)
    const tried = { ...card, golden: [...golden] }
    writeCard(staged, tried)
    await realDisk.sync(staged)
    await realDisk.rename(staged, dir)
    await realDisk.sync(folder)
    return { card: tried, dir, isNew: true }
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
}

const STAGED = '.importing-'

/** An import that was killed leaves its half behind: the next one clears it away. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = Number(/^\.importing-(\d+)-/.exec(name)?.[1] ?? Number.NaN)
    if (Number.isFinite(owner) && !isAlive(owner))
      rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function run(
  dir: string,
  { kind, signal }: { readonly kind: RecognisedModel['kind']; readonly signal: AbortSignal },
): Promise<readonly number[]> {
  if (kind === 'embedding') return await runEmbedding(dir, signal)
  const recogniser = await openNeuralRecogniser({ modelDir: dir, signal })
  try {
    // One that tells speech from silence is run, but is given no stream.
    if (kind === 'vad') return recogniser.facts.probe
    const stream = recogniser.open({ sampleRate: 16_000 })
    await stream.push(new Float32Array(16_000))
    await stream.finish()
    return recogniser.facts.probe
  } finally {
    await recogniser.close()
  }
}

async function runEmbedding(dir: string, signal: AbortSignal): Promise<readonly number[]> {
  const embedder = await openEmbedder(embeddingFolder(dir), signal)
  try {
    return await probeEmbedder(embedder)
  } finally {
    await embedder.close()
  }
}

function writeCard(dir: string, card: ImportedCard): void {
  writeFileSync(join(dir, 'card.json'), `${JSON.stringify(card, null, 2)}\n`, { mode: 0o600, flush: true })
}
