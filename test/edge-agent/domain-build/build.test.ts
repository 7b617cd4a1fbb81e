import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildDomain, type BuiltDomain } from '../../../edge-agent/domain-build/build.ts'
import { writeBuiltFolder } from '../../../edge-agent/domain-build/built-folder.ts'
import { openUnderstanding, type Understanding } from '../../../edge-agent/intent/understanding.ts'
import { contentChecks } from '../../../rollout/bundle/examine.ts'
import { openFolder } from '../../../rollout/bundle/folder.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { LAMPS, openWorkshop, type Workshop } from './lamps.ts'

const NO_NAMES = { assets: [], parts: [], workOrders: [] }

let shop: Workshop
let path: string
let built: BuiltDomain
let understanding: Understanding
beforeAll(async () => {
  shop = openWorkshop()
  path = shop.write('lamps.yaml', LAMPS)
  built = await shop.build(path)
  writeBuiltFolder(join(shop.folder, 'lamps.domain'), built.files)
  understanding = await openUnderstanding(join(shop.folder, 'lamps.domain'))
})
afterAll(async () => {
  await understanding.close()
  shop.close()
})

const digestsOf = ({ files }: BuiltDomain) => [...files].map(([file, bytes]) => [file, sha256Hex(bytes)])

describe('a built domain', () => {
  test('comes out the same, byte for byte, when it is built again', async () => {
    const again = await shop.build(path)
    expect(digestsOf(again)).toEqual(digestsOf(built))
  })

  test('is a whole bundle, with what is known of it', () => {
    const composing = { name: 'domain-lamps', environment: 'development', nowMs: 0 } as const
    const { manifest, held } = openFolder(built.files, composing)
    expect(contentChecks(manifest, held).filter(({ fault }) => fault !== null)).toEqual([])
    expect(manifest).toMatchObject({ kind: 'domain', version: '1.2.0', golden: ['golden.json'] })
  })

  test('says where each word’s sound is from', () => {
    const of = (word: string) => built.lexicon.entries.find((entry) => entry.word === word)
    expect(of('galley')).toEqual({ word: 'galley', source: 'domain', phones: ['G AE L IY'] })
    expect(of('light')).toMatchObject({ source: 'dictionary', phones: ['L AY T'] })
    expect(of('zwickelroom')).toMatchObject({ source: 'letters' })
    expect(built.lexicon.unheard).toEqual([])
  })

  test('is read by its grammar, and beyond it by its model', async () => {
    expect(await understanding.understand('switch on the galley light', NO_NAMES)).toMatchObject({
      intent: 'lamp.on',
      slots: { room: 'kitchen' },
      route: 'grammar',
    })
    expect(
      await understanding.understand('um could you switch the light in the hall off', NO_NAMES),
    ).toMatchObject({
      intent: 'lamp.off',
      slots: { room: 'hall' },
      route: 'classifier',
    })
    expect(await understanding.understand('leave a note that the bulb is broken', NO_NAMES)).toMatchObject({
      intent: 'note',
      confidence: 0.98,
      slots: { message: 'the bulb is broken' },
      route: 'grammar',
    })
    expect(await understanding.understand('who won the football match', NO_NAMES)).toMatchObject({
      intent: 'out_of_scope',
    })
    expect(understanding.model.name).toBe('starling-domain-lamps-1.2.0')
  })

  test('carries a test set that says that it was made', () => {
    const lines = Buffer.from(built.files.get('tests.jsonl') ?? [])
      .toString()
      .trim()
      .split('\n')
    expect(lines.length).toBe(built.sentences.tests)
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ synthetic: true })
  })

  test('refuses a damaged model, by its golden answers', async () => {
    const folder = join(shop.folder, 'damaged.domain')
    const onnx = Uint8Array.from(built.files.get('intent.onnx') ?? [])
    onnx.fill(0x11, onnx.length >> 1, (onnx.length >> 1) + 20_000)
    writeBuiltFolder(folder, new Map([...built.files, ['intent.onnx', onnx]]))
    await expect(openUnderstanding(folder)).rejects.toMatchObject({ code: 'intent_model_refused' })
  })

  test('stops when it is asked to', async () => {
    const stop = new AbortController()
    const onProgress = (line: string): void => (line.includes('round 2') ? stop.abort() : undefined)
    await expect(buildDomain(path, { signal: stop.signal, onProgress })).rejects.toThrow(/abort/i)
  })

  test('names the place of what is wrong', async () => {
    const broken = shop.write('broken.yaml', LAMPS.replace('<lamp> off', '<lampe> off'))
    await expect(shop.build(broken)).rejects.toThrow(`${broken}:13:61: there is no phrase “lampe”`)
  })
})

describe('the folder of a built domain', () => {
  test('replaces an older build', () => {
    const folder = join(shop.folder, 'again.domain')
    writeBuiltFolder(folder, built.files)
    writeFileSync(join(folder, 'tests.jsonl'), 'old')
    writeBuiltFolder(folder, built.files)
    expect(readFileSync(join(folder, 'tests.jsonl'), 'utf8')).toMatch(/^\{"text"/)
  })

  test('is never made in place of something else', () => {
    const folder = join(shop.folder, 'precious')
    mkdirSync(folder)
    writeFileSync(join(folder, 'diary.txt'), 'mine')
    expect(() => writeBuiltFolder(folder, built.files)).toThrow(/holds something that is no built domain/)
    expect(readFileSync(join(folder, 'diary.txt'), 'utf8')).toBe('mine')
    expect(() => writeBuiltFolder(path, built.files)).toThrow(/no built domain/)
    expect(() => writeBuiltFolder('/dev/null/x', built.files)).toThrow(/cannot be written/)
  })
})
