import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openEmbedder } from '../../../edge-agent/embedding/embedder.ts'
import { openEmbedders } from '../../../edge-agent/embedding/shelf.ts'
import { readVocabulary } from '../../../edge-agent/embedding/word-pieces.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'

const signal = new AbortController().signal
const shipped = (file: string): string => fileURLToPath(new URL(file, MODEL_FOLDERS.embedding))
const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

describe('word pieces', () => {
  const pieces = readVocabulary('[PAD]\n[UNK]\n[CLS]\n[SEP]\npump\n##s\nun\n##do\n,\ncafe\n')
  it('cuts as BERT does: lower case, accents off, punctuation apart, longest first, marks at the ends', () => {
    expect(pieces.encode('Pumps, undo café', 20)).toEqual([2, 4, 5, 8, 6, 7, 9, 3])
    expect(pieces.encode('pumpx', 20)).toEqual([2, 1, 3])
  })
  it('keeps both marks when it cuts a long text', () => {
    expect(pieces.encode('pump pump pump pump', 4)).toEqual([2, 4, 4, 3])
  })
  it('refuses a file that is no vocabulary', () => {
    expect(() => readVocabulary('pump\nvalve\n')).toThrow('[UNK]')
    expect(() => readVocabulary('[UNK]\npump\npump\n')).toThrow('twice')
  })
})

describe('the shipped embedding model', () => {
  it('passes its golden vectors, gives unit vectors, and puts what means the same together', async () => {
    const embedders = openEmbedders('/nonexistent', signal)
    try {
      const embedder = await embedders.open(embedders.chosen() ?? '')
      if (embedder === null) throw new Error('it ships')
      expect(embedder.traits).toMatchObject({ class: 'embedding', source: 'released' })
      const [rust, corrosion, invoice, nothing] = await embedder.embed(['rust', 'corrosion', 'invoice', ''])
      if (!rust || !corrosion || !invoice || !nothing) throw new Error('a vector a text')
      expect(cosine(rust.values, corrosion.values)).toBeGreaterThan(0.4)
      expect(cosine(rust.values, invoice.values)).toBeLessThan(0.3)
      for (const { values, stamp } of [rust, invoice, nothing]) {
        expect(values).toHaveLength(stamp.dimension)
        expect(Math.hypot(...values)).toBeCloseTo(1, 4)
      }
    } finally {
      await embedders.close()
    }
  })

  it('is refused when a golden vector does not come out, or a file is no model', async () => {
    const files = {
      name: 'it',
      digest: 'a'.repeat(64),
      traits: { class: 'embedding', licence: 'x', residency: 'device', source: 'released' },
      model: shipped('embedding.onnx'),
      vocabulary: shipped('vocab.txt'),
      golden: [{ text: 'pump', values: [0.5, 0.5] }],
    } as const
    await expect(openEmbedder(files)).rejects.toMatchObject({ code: 'embedding_model_refused' })
    await expect(openEmbedder({ ...files, model: files.vocabulary })).rejects.toMatchObject({
      code: 'embedding_model_refused',
    })
  })

  it('has a card that says what it learned from, under which licence', () => {
    const card = JSON.parse(readFileSync(shipped('card.json'), 'utf8')) as {
      training: { dataLicence: string }
    }
    expect(card.training.dataLicence).toContain('WordNet')
  })
})
