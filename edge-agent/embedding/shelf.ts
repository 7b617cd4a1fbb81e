/** The embedding models of a device: the one that ships, and those that were imported; which one is used stands in a file. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { searchModel } from '../models-import/registry.ts'
import { FILE_NAMES, filesDigest, MODEL_NAME } from '../neural/model-card.ts'
import { fileSha256, readCard, verifiedCard } from '../neural/model-folder.ts'
import type { EmbedderShelf } from '../search/vectors.ts'
import { EmbeddingModelRefused, openEmbedder, type Embedder, type EmbeddingFiles } from './embedder.ts'
import { goldenFromCard } from './probe.ts'

const ShippedCard = v.object({
  name: v.string(),
  version: v.string(),
  licence: v.string(),
  files: v.strictObject({ 'embedding.onnx': v.string(), 'vocab.txt': v.string() }),
})
const Golden = v.pipe(v.array(v.object({ text: v.string(), values: v.array(v.number()) })), v.minLength(1))

export interface DeviceEmbedders extends EmbedderShelf {
  close(): Promise<void>
}

/** `imported` is the device's folder of imported models. Nothing is opened before it is asked for. */
export function openEmbedders(imported: string, signal: AbortSignal): DeviceEmbedders {
  const shipped = shippedFiles()
  const open = new Map<string, Promise<Embedder | null>>()
  const chosen = (): string => {
    const name = searchModel(imported)
    return name === null ? shipped.digest : (digestOf(imported, name) ?? shipped.digest)
  }
  const start = async (digest: string): Promise<Embedder | null> => {
    const files = digest === shipped.digest ? shipped : importedFiles(imported, digest)
    return files === null ? null : await openEmbedder(files, signal)
  }
  const closeBut = async (kept: string): Promise<void> => {
    for (const [digest, embedder] of open) {
      if (digest === kept) continue
      open.delete(digest)
      await (await embedder.catch(() => null))?.close()
    }
  }
  return {
    chosen,
    open: async (digest) => {
      const known = open.get(digest)
      if (known !== undefined) return await known
      const starting = start(digest)
      open.set(digest, starting)
      // One that could not be opened is tried again when it is asked for again.
      starting.catch(() => open.delete(digest))
      return await starting
    },
    settle: async () => await closeBut(chosen()),
    close: async () => await closeBut(''),
  }
}

function shippedFiles(): EmbeddingFiles {
  const dir = fileURLToPath(MODEL_FOLDERS.embedding)
  const card = v.parse(ShippedCard, JSON.parse(readFileSync(join(dir, 'card.json'), 'utf8')))
  for (const [file, sha256] of Object.entries(card.files))
    if (fileSha256(join(dir, file)) !== sha256)
      throw new EmbeddingModelRefused(`${file} of the shipped embedding model is not what its card says`, {
        remedy: 'Install this version of Starling again.',
      })
  return {
    name: `${card.name}-${card.version}`,
    digest: filesDigest(Object.entries(card.files).map(([file, sha256]) => ({ file, sha256 }))),
    traits: { class: 'embedding', licence: card.licence, residency: 'device', source: 'released' },
    model: join(dir, 'embedding.onnx'),
    vocabulary: join(dir, 'vocab.txt'),
    golden: v.parse(Golden, JSON.parse(readFileSync(join(dir, 'golden.json'), 'utf8'))),
  }
}

function digestOf(imported: string, name: string): string | null {
  const dir = join(imported, name)
  if (!existsSync(join(dir, 'card.json'))) return null
  const card = readCard(dir)
  return card.class === 'embedding' ? card.digest : null
}

/** Null when no imported embedding model has this digest. Throws `ModelFileRefused` when its files are not what was imported. */
function importedFiles(imported: string, digest: string): EmbeddingFiles | null {
  if (!existsSync(imported)) return null
  const name = readdirSync(imported).find(
    (candidate) => MODEL_NAME.test(candidate) && digestOf(imported, candidate) === digest,
  )
  return name === undefined ? null : embeddingFolder(join(imported, name))
}

/** An imported model's folder, held against its card. */
export function embeddingFolder(dir: string): EmbeddingFiles {
  const { name, digest, licence, golden } = verifiedCard(dir)
  return {
    name,
    digest,
    traits: { class: 'embedding', licence, residency: 'device', source: 'imported' },
    model: join(dir, FILE_NAMES.model),
    vocabulary: join(dir, FILE_NAMES.vocabulary),
    golden: goldenFromCard(golden),
  }
}
