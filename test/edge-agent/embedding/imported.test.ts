import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbedders } from '../../../edge-agent/embedding/shelf.ts'
import { importModel } from '../../../edge-agent/models-import/import-model.ts'
import {
  chooseDictation,
  chooseSearch,
  purposeOf,
  listModels,
} from '../../../edge-agent/models-import/registry.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { FLOAT, INT64, OnnxWriter } from '../../support/onnx-writer.ts'

const signal = new AbortController().signal
const VOCABULARY = '[PAD]\n[UNK]\n[CLS]\n[SEP]\npump\nvalve\nseal\n'
const DIMENSION = 3
/** One axis for what is known, so that means can be worked out by hand. */
const TABLE = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0.6, 0.8, 0]

let folder: Awaited<ReturnType<typeof dataFolder>>
let device = ''
let imported = ''
beforeAll(async () => {
  folder = await dataFolder('embedding')
  device = join(folder.path, 'device')
  imported = join(device, 'imported')
})
afterAll(async () => await folder.remove())

/** A public sentence model in small: a vector a piece, to be averaged under the mask. */
function given(
  name: string,
  change: { readonly output?: string; readonly extra?: string; readonly vocabulary?: string | null } = {},
) {
  const writer = new OnnxWriter()
  for (const input of ['input_ids', 'attention_mask', ...(change.extra === undefined ? [] : [change.extra])])
    writer.input(input, INT64, ['batch', 'sequence'])
  const table = writer.floats([TABLE.length / DIMENSION, DIMENSION], TABLE)
  const output = change.output ?? 'last_hidden_state'
  writer.node('Gather', [table, 'input_ids'], { as: output })
  writer.output(output, FLOAT, ['batch', 'sequence', DIMENSION])
  const dir = join(folder.path, name)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'model.onnx'), writer.finish())
  if (change.vocabulary !== null) writeFileSync(join(dir, 'vocab.txt'), change.vocabulary ?? VOCABULARY)
  return join(dir, 'model.onnx')
}
const bring = async (file: string, name: string) =>
  await importModel({ folder: imported, files: [file], name, licence: 'MIT', nowMs: 0, signal })

describe('an imported embedding model', () => {
  it('comes in by its inputs, with licence and digests, and is chosen for search', async () => {
    const { card } = await bring(given('one', { extra: 'token_type_ids' }), 'one')
    expect(card).toMatchObject({ class: 'embedding', contract: 'sentence-embedding', licence: 'MIT' })
    expect(card.golden).toHaveLength(4 * DIMENSION)
    const embedders = openEmbedders(imported, signal)
    try {
      const before = embedders.chosen()
      expect(purposeOf(imported, 'one')).toBe('search')
      await chooseSearch(imported, 'one')
      expect(embedders.chosen()).toBe(card.digest)
      expect((await listModels(device)).filter(({ active }) => active).map(({ name }) => name)).toEqual([
        'one',
      ])
      const embedder = await embedders.open(card.digest)
      expect(embedder?.stamp).toEqual({ model: card.digest, dimension: 3, norm: 'unit', schema: 1 })
      expect(embedder?.traits).toMatchObject({ class: 'embedding', licence: 'MIT', source: 'imported' })
      const [seal, both] = (await embedder?.embed(['seal', 'Pump, valve'])) ?? []
      expect(Array.from(seal?.values ?? [])).toEqual([expect.closeTo(0.6), expect.closeTo(0.8), 0])
      // The comma is unknown: the third axis.
      expect(Array.from(both?.values ?? [])).toEqual(Array(3).fill(expect.closeTo(1 / Math.sqrt(3))))
      await chooseSearch(imported, null)
      expect(embedders.chosen()).toBe(before)
    } finally {
      await embedders.close()
    }
  })

  it('is refused for dictation, and what recognises speech for search', async () => {
    await bring(given('one', { extra: 'token_type_ids' }), 'one')
    await expect(chooseDictation(imported, 'one')).rejects.toMatchObject({ code: 'model_unknown' })
    await expect(chooseSearch(imported, 'nobody')).rejects.toMatchObject({ code: 'model_unknown' })
  })

  it('is refused without its vocabulary, with one that is none, and with inputs of its own', async () => {
    const code = { code: 'model_file_refused' }
    await expect(bring(given('bare', { vocabulary: null }), 'bare')).rejects.toMatchObject(code)
    await expect(bring(given('odd', { extra: 'pixel_values' }), 'odd')).rejects.toMatchObject(code)
    await expect(bring(given('other', { output: 'logits' }), 'other')).rejects.toMatchObject(code)
    await expect(bring(given('none', { vocabulary: 'pump\n' }), 'none')).rejects.toMatchObject({
      code: 'vocabulary_refused',
    })
    expect(readdirSync(imported).filter((name) => !name.startsWith('one') && name !== 'search')).toEqual([])
  })

  it('is refused once its files are no longer what was imported', async () => {
    const { card, dir } = await bring(given('two'), 'two')
    appendFileSync(join(dir, 'vocab.txt'), 'gasket\n')
    const embedders = openEmbedders(imported, signal)
    await expect(embedders.open(card.digest)).rejects.toMatchObject({ code: 'model_file_refused' })
    await embedders.close()
    expect(existsSync(dir)).toBe(true)
  })

  it('is nothing to whoever asks for a digest that is not here', async () => {
    const embedders = openEmbedders(imported, signal)
    expect(await embedders.open('0'.repeat(64))).toBeNull()
    await embedders.close()
  })
})
