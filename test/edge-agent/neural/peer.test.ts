import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byteLevelBytes } from '../../../edge-agent/neural/byte-level.ts'
import { openModelFolder } from '../../../edge-agent/neural/model-folder.ts'
import type { NeuralHypothesis } from '../../../edge-agent/neural/messages.ts'
import { openNeuralRecogniser, type NeuralRecogniser } from '../../../edge-agent/neural/neural-recogniser.ts'
import { tailSamples } from '../../../edge-agent/neural/stream-engine.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { sherpaAbsent, sherpaHears, sherpaModel } from '../../support/sherpa.ts'
import { SYMBOLS, tinyZipformer2Ctc } from '../../support/tiny-models.ts'
import { glides, importTiny, TINY, withTail, writeTiny } from '../../support/model-folders.ts'

const SEEDS = [1, 2, 3, 4, 5]
const absent = sherpaAbsent()
if (absent !== null) process.stderr.write(`skipped: ${absent}\n`)

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeAll(async () => {
  folder = await dataFolder('peer')
})
afterAll(async () => await folder.remove())

async function hear(
  recogniser: NeuralRecogniser,
  samples: Float32Array,
  sampleRate: number,
  piece = samples.length,
): Promise<NeuralHypothesis> {
  const stream = recogniser.open({ sampleRate })
  for (let at = 0; at < samples.length; at += piece) await stream.push(samples.subarray(at, at + piece))
  return await stream.finish()
}
const symbols = (heard: NeuralHypothesis): readonly string[] => heard.tokens.map(({ symbol }) => symbol)

describe.each(Object.keys(TINY))('a %s model', (family) => {
  let recogniser: NeuralRecogniser
  let dir = ''
  let sampleRate = 16_000
  let tail = 0
  beforeAll(async () => {
    const files = writeTiny(join(folder.path, family), TINY[family]?.() ?? { files: {}, tokens: '' })
    const imported = await importTiny(join(folder.path, 'imported'), files, { name: family })
    dir = imported.dir
    const { contract } = openModelFolder(dir)
    expect(contract.family).toBe(family)
    sampleRate = contract.frames.sampleRateHz
    tail = tailSamples(contract)
    recogniser = await openNeuralRecogniser({ modelDir: dir })
  })
  afterAll(async () => await recogniser.close())

  it.skipIf(absent !== null)(
    'gives the very symbols that sherpa-onnx gives for the same file and audio, at the same times',
    async () => {
      const audio = SEEDS.map((seed) => glides(seed, 2 + seed, sampleRate))
      const { results } = await sherpaHears({
        folder: folder.path,
        model: sherpaModel(family, dir),
        tokens: join(dir, 'tokens.txt'),
        sampleRate,
        streams: audio.map((samples) => withTail(samples, tail)),
      })
      const ours = await Promise.all(
        audio.map(async (samples) => await hear(recogniser, samples, sampleRate)),
      )
      for (const [index, theirs] of results.entries()) {
        // A model that says the same whatever it hears would agree with anything.
        expect(new Set(theirs.tokens).size).toBeGreaterThan(4)
        expect(ours.map(symbols)[index]).toEqual(theirs.tokens)
        expect(ours[index]?.text).toBe(theirs.text.trim())
        const frameS = family === 't-one-ctc' ? 0.03 : 0.04
        ours[index]?.tokens.forEach(({ atMs }, at) => {
          expect(Math.abs(atMs / 1_000 - (theirs.timestamps[at] ?? 0))).toBeLessThan(frameS / 2)
        })
      }
      expect(new Set(results.map(({ text }) => text)).size).toBe(SEEDS.length)
    },
  )

  it('hears the same in one piece, in small pieces, and among others in a batch', async () => {
    const audio = SEEDS.map((seed) => glides(seed, 2 + seed, sampleRate))
    const alone: NeuralHypothesis[] = []
    for (const samples of audio) alone.push(await hear(recogniser, samples, sampleRate))
    const together = await Promise.all(
      audio.map(async (samples, at) => await hear(recogniser, samples, sampleRate, 700 + 1_300 * at)),
    )
    expect(together.map(symbols)).toEqual(alone.map(symbols))
    expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text))
  })

  it('puts every word between its neighbours and inside the audio', async () => {
    const samples = glides(9, 5, sampleRate)
    const { words, confidence, audioMs } = await hear(recogniser, samples, sampleRate)
    expect(words.length).toBeGreaterThan(1)
    expect(audioMs).toBeCloseTo(5_000, 0)
    words.forEach((word, at) => {
      expect(word.startMs).toBeLessThan(word.endMs)
      expect(word.startMs).toBeGreaterThanOrEqual(words[at - 1]?.startMs ?? 0)
      expect(word.confidence).toBeGreaterThan(0)
      expect(word.confidence).toBeLessThanOrEqual(1)
    })
    expect(words.at(-1)?.endMs ?? 0).toBeLessThanOrEqual(audioMs + (tail / sampleRate) * 1_000)
    expect(confidence).toBe(Math.min(...words.map((word) => word.confidence)))
  })
})

describe('a vocabulary over bytes', () => {
  it.skipIf(absent !== null)('is read as the text that sherpa-onnx makes of it', async () => {
    const letters = Array.from({ length: 0x1_c0 }, (_, code) => String.fromCodePoint(code))
    const spelled = (text: string): string =>
      Array.from(Buffer.from(text), (byte) =>
        letters.find((letter) => byteLevelBytes(letter)[0] === byte),
      ).join('')
    const texts = ['é', 'ß', '日', 'a', 'ño', 'ž', '本', 'x', '…', 'ü']
    const pieces = Array.from(
      { length: SYMBOLS },
      (_, id) => `${id % 3 === 0 ? '\u2581' : ''}${spelled(`${texts[id % 10] ?? ''}${id}`)}`,
    )
    const tokens = `${['<blk>', ...pieces.slice(1)].map((piece, id) => `${piece} ${id}`).join('\n')}\n`
    const files = writeTiny(join(folder.path, 'bytes'), { ...tinyZipformer2Ctc(), tokens })
    const { dir } = await importTiny(join(folder.path, 'imported'), files, { name: 'bytes' })
    const recogniser = await openNeuralRecogniser({ modelDir: dir })
    try {
      const samples = glides(3, 6, 16_000)
      const tail = tailSamples(openModelFolder(dir).contract)
      const { results } = await sherpaHears({
        folder: folder.path,
        model: sherpaModel('zipformer2-ctc', dir),
        tokens: join(dir, 'tokens.txt'),
        sampleRate: 16_000,
        streams: [withTail(samples, tail)],
      })
      expect(results[0]?.text).toMatch(/[日本]/)
      expect((await hear(recogniser, samples, 16_000)).text).toBe(results[0]?.text.trim())
    } finally {
      await recogniser.close()
    }
  })
})
