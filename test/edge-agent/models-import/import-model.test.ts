import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelFileRefused } from '../../../edge-agent/neural/model-file-refused.ts'
import { fileSha256, readCard } from '../../../edge-agent/neural/model-folder.ts'
import { openNeuralRecogniser } from '../../../edge-agent/neural/neural-recogniser.ts'
import {
  chooseDictation,
  chooseVoice,
  dictationModel,
  listModels,
  modelDir,
  purposeOf,
  voiceModel,
} from '../../../edge-agent/models-import/registry.ts'
import { dataFolder } from '../../support/data-folder.ts'
import {
  tinyNemo,
  tinyTOne,
  tinyTokens,
  tinyZipformer2Ctc,
  tinyZipformer2Transducer,
  type TinyModel,
} from '../../support/tiny-models.ts'
import { FLOAT, INT64, OnnxWriter } from '../../support/onnx-writer.ts'
import { tinyVoice } from '../../support/tiny-voice.ts'
import { importTiny, TINY, writeTiny } from '../../support/model-folders.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let store = ''
beforeAll(async () => {
  folder = await dataFolder('import')
  store = join(folder.path, 'device', 'imported')
})
afterAll(async () => await folder.remove())

let made = 0
function written(model: TinyModel): readonly string[] {
  made += 1
  return writeTiny(join(folder.path, `given-${made}`), model)
}

/** Everything a refusal must say. */
async function refusal(files: readonly string[], options: { tokens?: string; name?: string } = {}) {
  const before = existsSync(store) ? readdirSync(store) : []
  const error = await importTiny(store, files, { name: 'refused', ...options }).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ code: 'model_file_refused' })
  // What was refused left nothing behind.
  expect(existsSync(store) ? readdirSync(store) : []).toEqual(before)
  const { details } = error as ModelFileRefused
  for (const key of ['reason', 'file', 'found', 'expected']) expect(details[key]).toBeTruthy()
  return details as { reason: string; file: string; found: string; expected: string }
}

describe('an imported model', () => {
  it.each(Object.keys(TINY))('is recorded with its contract, licence and digests: %s', async (family) => {
    const files = written(TINY[family]?.() ?? tinyNemo())
    const { card, dir, isNew } = await importTiny(store, files, { name: family, licence: 'CC-BY-4.0' })
    expect(isNew).toBe(true)
    expect(card).toMatchObject({
      name: family,
      contract: family,
      class: family.endsWith('transducer') ? 'transducer' : 'ctc',
      licence: 'CC-BY-4.0',
      source: 'imported',
      residency: 'device',
      importedAt: '2026-01-01T00:00:00.000Z',
    })
    expect(card.golden.length).toBeGreaterThan(0)
    expect(readCard(dir)).toEqual(card)
    expect(card.files.map(({ file }) => file)).toContain('tokens.txt')
    for (const { file, sha256 } of card.files) expect(fileSha256(join(dir, file))).toBe(sha256)
  })

  it('takes its name from its file or folder, and its licence from the file when nobody says one', async () => {
    const [path = ''] = written(tinyNemo({ seed: 31, metadata: { license: 'Apache-2.0', language: 'en' } }))
    const { card } = await importTiny(store, [path])
    expect(card).toMatchObject({ name: `given-${made}`, licence: 'Apache-2.0', says: { language: 'en' } })
    const silent = await importTiny(store, written(tinyNemo({ seed: 32 })))
    expect(silent.card.licence).toBe('NOASSERTION')
  })

  it('is no error the second time, and never takes the name of another', async () => {
    const files = written(tinyNemo({ seed: 33 }))
    const first = await importTiny(store, files, { name: 'twice' })
    const second = await importTiny(store, files, { name: 'twice' })
    expect(second).toMatchObject({ isNew: false, card: { digest: first.card.digest } })
    for (const [other, options] of [
      [written(tinyNemo({ seed: 34 })), {}],
      [files, { licence: 'MIT' }],
    ] as const)
      await expect(importTiny(store, other, { name: 'twice', ...options })).rejects.toMatchObject({
        code: 'model_name_refused',
      })
    for (const name of ['..', 'A b', '../x', 'default', ''])
      await expect(importTiny(store, files, { name })).rejects.toMatchObject({ code: 'model_name_refused' })
    await expect(importTiny(store, files, { name: 'x', licence: 'do what you want!' })).rejects.toMatchObject(
      {
        code: 'licence_refused',
      },
    )
  })

  it('takes its symbols from beside it, from the call, or from a named file', async () => {
    const [path = ''] = written(tinyNemo({ seed: 35 }))
    const elsewhere = join(folder.path, 'symbols.txt')
    writeFileSync(elsewhere, tinyTokens('<blk>', 23))
    expect((await importTiny(store, [path], { name: 'beside' })).card.files.at(-1)?.given).toBe('tokens.txt')
    const named = await importTiny(store, [path], { name: 'named', tokens: elsewhere })
    expect(named.card.files.at(-1)?.given).toBe('symbols.txt')
    expect((await importTiny(store, [path, elsewhere], { name: 'given' })).card.digest).toBe(
      named.card.digest,
    )
    expect((await refusal([path], { tokens: join(folder.path, 'no.txt') })).reason).toBe('tokens-missing')
  })

  it('keeps what a stream cannot be given as a warning', async () => {
    const files = written(tinyNemo({ seed: 36, metadata: { normalize_type: 'per_feature' } }))
    const { card } = await importTiny(store, files, { name: 'normalised' })
    expect(card.warnings).toEqual([expect.stringContaining('per_feature')])
  })

  it("is Silero's voice activity model by its inputs alone", async () => {
    const { card } = await importTiny(store, written(tinyVoice()), { name: 'silero', licence: 'MIT' })
    expect(card).toMatchObject({ class: 'vad', contract: 'silero-vad', licence: 'MIT', says: {} })
    expect(card.golden.length).toBe(4)
    expect(() => modelDir(store, 'silero')).toThrow(
      expect.objectContaining({ code: 'model_unknown' }) as Error,
    )
  })

  it('of voice activity is chosen for that, and for nothing else', async () => {
    await importTiny(store, written(tinyVoice({ gain: 2 })), { name: 'ears' })
    await importTiny(store, written(tinyNemo({ seed: 38 })), { name: 'words' })
    expect(voiceModel(store)).toBeNull()
    expect([purposeOf(store, 'ears'), purposeOf(store, 'words')]).toEqual(['voice', 'dictation'])
    await chooseVoice(store, 'ears')
    expect(voiceModel(store)).toBe(join(store, 'ears'))
    await expect(chooseVoice(store, 'words')).rejects.toMatchObject({ code: 'model_unknown' })
    await expect(chooseDictation(store, 'ears')).rejects.toMatchObject({ code: 'model_unknown' })
    expect([voiceModel(store), dictationModel(store)]).toEqual([join(store, 'ears'), null])
    await chooseVoice(store, null)
    expect(voiceModel(store)).toBeNull()
  })

  it('is no longer heeded once its folder was deleted', async () => {
    const { dir } = await importTiny(store, written(tinyVoice({ gain: 3 })), { name: 'gone' })
    await chooseVoice(store, 'gone')
    rmSync(dir, { recursive: true })
    expect(voiceModel(store)).toBeNull()
    await chooseVoice(store, null)
  })

  it('runs no more once a file was changed', async () => {
    const { dir } = await importTiny(store, written(tinyNemo({ seed: 37 })), { name: 'damaged' })
    appendFileSync(join(dir, 'tokens.txt'), '\n')
    await expect(openNeuralRecogniser({ modelDir: dir })).rejects.toMatchObject({
      code: 'model_file_refused',
      details: { file: 'tokens.txt' },
    })
  })

  it('runs no more when it computes other values than when it was imported', async () => {
    const { dir, card } = await importTiny(store, written(tinyNemo({ seed: 38 })), { name: 'drifted' })
    const golden = card.golden.map((value, at) => (at === 3 ? value + 1 : value))
    writeFileSync(join(dir, 'card.json'), JSON.stringify({ ...card, golden }))
    await expect(openNeuralRecogniser({ modelDir: dir })).rejects.toMatchObject({
      details: { reason: 'does-not-run' },
    })
  })
})

describe('what is refused', () => {
  it.each([
    [
      'a metadata key that is missing',
      () => tinyNemo({ without: ['chunk_shift', 'vocab_size'] }),
      'metadata-missing',
      'chunk_shift, vocab_size',
    ],
    [
      'a number that is none',
      () => tinyNemo({ metadata: { window_size: 'many' } }),
      'metadata-malformed',
      '"many"',
    ],
    [
      'a number beyond reason',
      () => tinyNemo({ metadata: { cache_last_channel_dim2: 999_999_999 } }),
      'metadata-malformed',
      '999999999',
    ],
    [
      'steps that leave frames out',
      () => tinyNemo({ metadata: { chunk_shift: 40 } }),
      'metadata-malformed',
      'steps of 40',
    ],
    [
      'caches of another shape than the metadata says',
      () => tinyNemo({ metadata: { cache_last_time_dim3: 9 } }),
      'graph-mismatch',
      'cache_last_time',
    ],
    ['an offline NeMo model', () => offline(), 'unknown-contract', 'EncDecCTCModel'],
    ['a model without metadata', () => bare(), 'unknown-contract', 'no metadata'],
    ['a batch that is fixed at three', () => tinyNemo({ batch: 3 }), 'graph-mismatch', '3'],
    [
      'too few symbols',
      () => ({ ...tinyNemo(), tokens: tinyTokens('<blk>', 0, 9) }),
      'tokens-mismatch',
      '9 symbols',
    ],
    [
      'symbols without a blank',
      () => ({ ...tinyNemo(), tokens: 'a 0\n' }),
      'tokens-malformed',
      'without a blank',
    ],
    ['an encoder alone', () => part('encoder'), 'files-missing', 'one part of a transducer'],
    ['a decoder alone', () => part('decoder'), 'files-missing', 'one part of a transducer'],
    [
      'voice activity that is no probability',
      () => tinyVoice({ bounded: false }),
      'does-not-run',
      'one probability',
    ],
    ['voice activity that loses its state', () => tinyVoice({ keeps: false }), 'does-not-run', 'a state of'],
    ['two parts of three', () => pair(), 'files-missing', '2 ONNX files'],
    ['a graph that does not run', () => unknownOperator(), 'does-not-run', 'NoSuchOperator'],
    ['caches that come back in another shape', () => lostCache(), 'does-not-run', 'cache 0'],
    ['a transducer of two encoders', () => twoEncoders(), 'files-missing', 'no decoder'],
    ['stacks whose lists differ in length', () => uneven(), 'metadata-malformed', 'num_heads'],
  ])('%s', async (_what, model, reason, found) => {
    const files = written(model())
    const told = await refusal(files)
    expect(told.reason).toBe(reason)
    expect(`${told.found} ${told.expected}`).toContain(found)
  })

  it('files that are no models, named for what they are', async () => {
    const path = join(folder.path, 'notes.onnx')
    writeFileSync(path, 'PK\u0003\u0004 and so on')
    expect(await refusal([path])).toMatchObject({ reason: 'not-onnx', file: 'notes.onnx' })
    expect(await refusal([join(folder.path, 'nowhere.onnx')])).toMatchObject({ reason: 'unreadable' })
    expect(await refusal([folder.path])).toMatchObject({ reason: 'unreadable' })
    expect(await refusal([])).toMatchObject({ reason: 'files-missing' })
  })
})

describe('the registry', () => {
  it('tells class, licence, residency, source and digest of shipped and imported models', async () => {
    const device = join(folder.path, 'another')
    const imported = join(device, 'imported')
    await importTiny(imported, written(tinyTOne()), { name: 'mine', licence: 'MIT' })
    await importTiny(imported, written(tinyZipformer2Transducer()), { name: 'ours' })
    await chooseDictation(imported, 'ours')
    const models = await listModels(device)
    expect(models.map(({ name, class: kind, source }) => [name, kind, source])).toEqual([
      ['starling-speech-en', 'acoustic', 'shipped'],
      ['starling-intent-en', 'intent', 'shipped'],
      ['starling-embedding-en', 'embedding', 'shipped'],
      ['mine', 'ctc', 'imported'],
      ['ours', 'transducer', 'imported'],
    ])
    for (const { digest, licence, residency } of models) {
      expect(digest).toMatch(/^[0-9a-f]{64}$/)
      expect(licence.length).toBeGreaterThan(2)
      expect(residency).toBe('device')
    }
    expect(models.filter(({ active }) => active).map(({ name }) => name)).toEqual([
      'starling-embedding-en',
      'ours',
    ])
    await chooseDictation(imported, null)
    expect(dictationModel(imported)).toBeNull()
    await expect(chooseDictation(imported, 'nobody')).rejects.toMatchObject({ code: 'model_unknown' })
  })
})

function bare(): TinyModel {
  const writer = new OnnxWriter()
  writer.input('pixels', FLOAT, ['N', 3, 8, 8])
  writer.node('Identity', ['pixels'], { as: 'out' })
  writer.output('out', FLOAT, ['N', 3, 8, 8])
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', 0) }
}

function offline(): TinyModel {
  const writer = new OnnxWriter()
  writer.input('audio_signal', FLOAT, ['N', 80, 'T'])
  writer.input('length', INT64, ['N'])
  writer.node('Identity', ['audio_signal'], { as: 'logprobs' })
  writer.output('logprobs', FLOAT, ['N', 80, 'T'])
  writer.metadata({ model_type: 'EncDecCTCModel', vocab_size: 79, subsampling_factor: 8 })
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', 0) }
}

function part(role: string): TinyModel {
  const { files, tokens } = tinyZipformer2Transducer()
  return { files: { [role]: files[role] ?? new Uint8Array() }, tokens }
}

function pair(): TinyModel {
  const { files, tokens } = tinyZipformer2Transducer()
  const { encoder = new Uint8Array(), decoder = new Uint8Array() } = files
  return { files: { encoder, decoder }, tokens }
}

function twoEncoders(): TinyModel {
  const { files, tokens } = tinyZipformer2Transducer()
  const { encoder = new Uint8Array(), joiner = new Uint8Array() } = files
  return { files: { encoder, other: encoder, joiner }, tokens }
}

/** Metadata that is added last wins, as in the file format itself. */
function uneven(): TinyModel {
  const { files, tokens } = tinyZipformer2Ctc()
  const writer = new OnnxWriter()
  writer.metadata({ num_heads: '2' })
  const added = writer.finish()
  const entry = added.subarray(added.length - ('num_heads'.length + 1 + 6))
  return {
    files: { model: new Uint8Array(Buffer.concat([files['model'] ?? new Uint8Array(), entry])) },
    tokens,
  }
}

function nemoGraph(build: (writer: OnnxWriter) => void): TinyModel {
  const writer = new OnnxWriter()
  writer.input('audio_signal', FLOAT, ['N', 80, 'T'])
  writer.input('length', INT64, ['N'])
  writer.input('cache_last_channel', FLOAT, ['N', 1, 1, 1])
  writer.input('cache_last_time', FLOAT, ['N', 1, 1, 1])
  writer.input('cache_last_channel_len', INT64, ['N'])
  build(writer)
  const outputs = [
    ['logprobs', FLOAT, ['N', 'T', 80]],
    ['encoded_lengths', INT64, ['N']],
    ['next_channel', FLOAT, ['N', 'A', 'B', 'C']],
    ['next_time', FLOAT, ['N', 1, 1, 1]],
    ['next_len', INT64, ['N']],
  ] as const
  for (const [name, type, dims] of outputs) writer.output(name, type, dims)
  const ones = [1, 2, 3].flatMap((axis) => [
    [`cache_last_channel_dim${axis}`, 1],
    [`cache_last_time_dim${axis}`, 1],
  ])
  writer.metadata({
    window_size: 8,
    chunk_shift: 8,
    subsampling_factor: 1,
    vocab_size: 79,
    ...(Object.fromEntries(ones) as Record<string, number>),
  })
  return { files: { model: writer.finish() }, tokens: tinyTokens('<blk>', 79, 80) }
}

function restOf(writer: OnnxWriter): void {
  writer.node('Identity', ['length'], { as: 'encoded_lengths' })
  writer.node('Identity', ['cache_last_time'], { as: 'next_time' })
  writer.node('Identity', ['cache_last_channel_len'], { as: 'next_len' })
}

function unknownOperator(): TinyModel {
  return nemoGraph((writer) => {
    writer.node('NoSuchOperator', ['audio_signal'], { as: 'logprobs' })
    writer.node('Identity', ['cache_last_channel'], { as: 'next_channel' })
    restOf(writer)
  })
}

function lostCache(): TinyModel {
  return nemoGraph((writer) => {
    writer.node('Transpose', ['audio_signal'], { attributes: { perm: [0, 2, 1] }, as: 'logprobs' })
    writer.node('Concat', ['cache_last_channel', 'cache_last_channel'], {
      attributes: { axis: 3 },
      as: 'next_channel',
    })
    restOf(writer)
  })
}
