/** Reads an imported model's folder: every file is held against the card's digest before anything is made of it. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { withFile } from './byte-source.ts'
import type { StreamingContract } from './contract.ts'
import { FILE_NAMES, filesDigest, ModelCardSchema, type ImportedCard, type ModelCard } from './model-card.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { readOnnxHeader, type OnnxHeader } from './onnx-header.ts'
import { recogniseModel, type FileRole } from './recognise-model.ts'
import { readTokens, type Tokens } from './tokens.ts'

const READ_BYTES = 1024 * 1024
const CARD = 'card.json'

export interface ModelFolder {
  readonly card: ImportedCard
  readonly contract: StreamingContract
  readonly tokens: Tokens
  /** Paths of the ONNX files. */
  readonly files: Readonly<Partial<Record<FileRole, string>>>
}

/** Throws {@link ModelFileRefused} when the card is not one, or no longer a card of these files. */
export function readCard(dir: string): ModelCard {
  try {
    return v.parse(ModelCardSchema, JSON.parse(readFileSync(join(dir, CARD), 'utf8')))
  } catch (cause) {
    throw new ModelFileRefused('unreadable', {
      file: CARD,
      found: 'no card that can be read',
      expected: 'the card that was written when the model was imported',
      remedy: 'Import the model again.',
      cause,
    })
  }
}

export interface VoiceFolder {
  readonly card: ImportedCard
  readonly file: string
  readonly header: OnnxHeader
}

/** Throws {@link ModelFileRefused} when its file is not what was imported. */
export function openVoiceFolder(dir: string): VoiceFolder {
  const card = verifiedCard(dir)
  const file = join(dir, FILE_NAMES.model)
  return { card, file, header: withFile(file, FILE_NAMES.model, readOnnxHeader) }
}

/** Throws {@link ModelFileRefused}; a voice activity model has no contract and is refused too. */
export function openModelFolder(dir: string): ModelFolder {
  const card = verifiedCard(dir)
  const onnx = card.files.filter(({ file }) => file !== FILE_NAMES.tokens)
  const headers = onnx.map(({ file }) => withFile(join(dir, file), file, readOnnxHeader))
  const model = recogniseModel(headers)
  if (model.kind !== 'recogniser')
    throw new ModelFileRefused('unknown-contract', {
      file: card.name,
      found: model.kind === 'vad' ? 'a voice activity model' : 'an embedding model',
      expected: 'a model that recognises speech',
    })
  const tokens = readTokens(
    FILE_NAMES.tokens,
    readFileSync(join(dir, FILE_NAMES.tokens)),
    model.contract.vocabulary,
  )
  const files = Object.fromEntries(model.roles.map(({ role, header }) => [role, join(dir, header.file)]))
  return { card, contract: model.contract, tokens, files }
}

/** Throws {@link ModelFileRefused} unless every file is what the card says. */
export function verifiedCard(dir: string): ImportedCard {
  const card = readCard(dir)
  if (card.source !== 'imported')
    throw new ModelFileRefused('unreadable', {
      file: card.name,
      found: 'the address of a runtime',
      expected: "a model's files",
    })
  verify(dir, card)
  return card
}

function verify(dir: string, card: ImportedCard): void {
  for (const { file, sha256 } of card.files) {
    const held = fileSha256(join(dir, file))
    if (held !== sha256)
      throw new ModelFileRefused('unreadable', {
        file,
        found: `content with the digest ${held.slice(0, 12)}…`,
        expected: `${sha256.slice(0, 12)}…, as it was imported`,
        remedy: 'Import the model again.',
      })
  }
  if (filesDigest(card.files) !== card.digest)
    throw new ModelFileRefused('unreadable', {
      file: CARD,
      found: 'a digest that is not that of its files',
      expected: 'the card as it was written',
      remedy: 'Import the model again.',
    })
}

/** Piece by piece: a model may be larger than what should be held. */
export function fileSha256(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    const buffer = new Uint8Array(READ_BYTES)
    for (;;) {
      const read = readSync(file, buffer)
      if (read === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
}
