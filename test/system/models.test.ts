/** An imported model, from the file that its user has to a governed transcription by the running device. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder } from '../support/data-folder.ts'
import { samplesOf, spoken, wav } from '../support/sounds.ts'
import { startUp, starling, type Ran, type Up } from '../support/starling.ts'
import { tinyNemo, tinyZipformer2Transducer } from '../support/tiny-models.ts'
import { writeTiny } from '../support/model-folders.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let up: Up
beforeAll(async () => {
  folder = await dataFolder('models')
  up = await startUp(join(folder.path, 'home'))
})
afterAll(async () => {
  await up.stop()
  await folder.remove()
})

const home = (): string[] => ['--data', join(folder.path, 'home'), '--json']
const answer = (ran: Ran): Record<string, unknown> => JSON.parse(ran.out) as Record<string, unknown>

describe('starling models', () => {
  it('imports, lists, chooses and runs a model, each step named in the record', async () => {
    const [path = ''] = writeTiny(join(folder.path, 'tiny-nemo'), tinyNemo())
    const imported = await starling(['models', 'import', path, '--licence', 'MIT', ...home()])
    expect(imported.code).toBe(0)
    const card = answer(imported)
    expect(card).toMatchObject({
      name: 'tiny-nemo',
      class: 'ctc',
      contract: 'nemo-ctc',
      licence: 'MIT',
      new: true,
    })
    const parts = writeTiny(join(folder.path, 'three'), tinyZipformer2Transducer())
    expect(
      answer(await starling(['models', 'import', ...parts, '--name', 'three-parts', ...home()])),
    ).toMatchObject({ class: 'transducer', licence: 'NOASSERTION' })

    const { models } = answer(await starling(['models', 'list', ...home()])) as {
      models: { name: string; source: string; active: boolean; digest: string }[]
    }
    expect(models.map(({ name, source }) => `${source} ${name}`)).toEqual([
      'shipped starling-speech-en',
      'shipped starling-intent-en',
      'shipped starling-embedding-en',
      'released starling-speech-en',
      'released starling-intent-en',
      'imported three-parts',
      'imported tiny-nemo',
    ])
    // A device runs what was released to it: here, what this version ships.
    expect(models[3]?.digest).toBe(models[0]?.digest)

    const sound = join(folder.path, 'log.wav')
    writeFileSync(sound, wav(samplesOf(spoken('log'))))
    const heard = answer(await starling(['transcribe', sound, '--model', 'tiny-nemo', ...home()]))
    expect(heard).toMatchObject({
      kind: 'heard',
      provenance: {
        route: {
          model: 'tiny-nemo',
          digest: card['digest'],
          traits: { class: 'ctc', licence: 'MIT', residency: 'device', source: 'imported' },
        },
      },
    })
    const released = answer(await starling(['transcribe', sound, ...home()]))
    expect(released).toMatchObject({
      provenance: { route: { traits: { class: 'acoustic', source: 'released' } } },
    })

    expect((await starling(['models', 'use', 'three-parts', ...home()])).code).toBe(0)
    expect(answer(await starling(['transcribe', sound, ...home()]))).toMatchObject({
      provenance: { route: { model: 'three-parts' } },
    })
    expect(answer(await starling(['transcribe', sound, '--model', 'default', ...home()]))['text']).toBe(
      released['text'],
    )
    const record = (heard['provenance'] as { recordId: string }).recordId
    expect(answer(await starling(['audit', 'show', record, ...home()]))).toMatchObject({
      record: { body: { route: { traits: { licence: 'MIT' } } } },
    })
    expect((await starling(['audit', 'verify', ...home()])).code).toBe(0)
  })

  it('says what it found and what it expected, and which model is not there', async () => {
    const [path = ''] = writeTiny(join(folder.path, 'short'), tinyNemo({ without: ['chunk_shift'] }))
    const refused = await starling(['models', 'import', path, ...home()])
    expect(refused.code).toBe(1)
    expect(answer(refused)['error']).toMatchObject({
      code: 'model_file_refused',
      details: { reason: 'metadata-missing', found: 'metadata without chunk_shift' },
    })
    const sound = join(folder.path, 'log.wav')
    const unknown = await starling(['transcribe', sound, '--model', 'nobody', ...home()])
    expect(unknown.code).toBe(1)
    expect(answer(unknown)['error']).toMatchObject({ code: 'model_unknown' })
    // A chosen model that is gone is told, not silently replaced by another.
    rmSync(join(folder.path, 'home', 'edge', 'imported', 'three-parts'), { recursive: true })
    const gone = await starling(['transcribe', sound, ...home()])
    expect(answer(gone)['error']).toMatchObject({ code: 'model_unknown' })
  })
})
