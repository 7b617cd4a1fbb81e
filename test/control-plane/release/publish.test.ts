import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CENTRE_SCHEMA } from '../../../control-plane/centre-schema.ts'
import { atCentre } from '../../../control-plane/performer.ts'
import { openCentreContent, type CentreContent } from '../../../control-plane/release/content.ts'
import { publishPerformer, type BundleSource } from '../../../control-plane/release/publish.ts'
import { shippedBundles } from '../../../control-plane/release/shipped.ts'
import { openManifest } from '../../../rollout/manifest.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { CHUNK_SIZE_BYTES } from '../../../shared/wire/bundle.ts'
import { governed, type Governed } from '../../support/governed.ts'

const key = generateKeyPair()

describe('publishing a bundle', () => {
  let stage: Governed
  let content: CentreContent
  let folder: string
  beforeAll(async () => {
    stage = await governed({ origin: 'centre' })
    await stage.db.script(CENTRE_SCHEMA)
    content = openCentreContent(join(stage.folder, 'content'))
    folder = join(stage.folder, 'bundle')
    await mkdir(join(folder, 'inner'), { recursive: true })
    await writeFile(join(folder, 'model.onnx'), Buffer.alloc(CHUNK_SIZE_BYTES * 2 + 7, 1))
    await writeFile(join(folder, 'inner', 'golden.json'), '{}')
  })
  afterAll(async () => await stage.close())

  const source = (change: Partial<BundleSource> = {}): BundleSource => ({
    name: 'speech',
    version: '1.0.0',
    folders: [{ path: folder, prefix: '' }],
    golden: ['inner/golden.json'],
    card: { title: 'T', licence: 'MIT', languages: ['en'], intendedUse: 'tests', limits: 'none' },
    minimalRuntime: '0.1.0',
    ...change,
  })
  const publish = async (of: BundleSource, under = of) =>
    (
      await atCentre(
        stage.kernel,
        publishPerformer({ content, clock: stage.clock, key, environment: 'development' }, of),
        {
          resource: { type: 'bundle', id: `${under.name} ${under.version}` },
          input: { name: under.name, version: under.version },
        },
      )
    ).output

  it('signs a manifest that names every piece, and serves the pieces', async () => {
    const published = await publish(source())
    expect(published).toMatchObject({ isNew: true, files: 2 })
    const envelope = await content.get(published.envelopeSha256)
    const opened = openManifest(envelope, { releaseKeys: [key.publicKey], threshold: 1 })
    if (opened.kind === 'refused') throw new Error(opened.detail)
    const [inner, model] = opened.manifest.files
    expect([inner?.path, inner?.role, model?.path, model?.role]).toEqual([
      'inner/golden.json',
      'golden',
      'model.onnx',
      'model',
    ])
    expect(model?.chunks).toHaveLength(3)
    for (const [index, digest] of (model?.chunks ?? []).entries())
      expect(sha256Hex(await content.chunk(model?.sha256 ?? '', index))).toBe(digest)
  })

  it('leaves a version as it is, and refuses other files under it', async () => {
    expect(await publish(source())).toMatchObject({ isNew: false })
    await writeFile(join(folder, 'inner', 'golden.json'), '{"changed":true}')
    await expect(publish(source())).rejects.toMatchObject({ code: 'bundle_refused' })
    expect(await publish(source({ version: '1.0.1' }))).toMatchObject({ isNew: true })
    const rows = await stage.db.query('select version from centre.bundle order by version')
    expect(rows.map(({ version }) => version)).toEqual(['1.0.0', '1.0.1'])
  })

  it('publishes nothing that a device would refuse, nor anything but what was admitted', async () => {
    await mkdir(join(stage.folder, 'empty'))
    for (const bad of [
      source({ version: '2.0.0', folders: [{ path: join(stage.folder, 'empty'), prefix: '' }] }),
      source({ version: '2.0.0', golden: ['not-there.json'] }),
      source({ version: '2.0.0', folders: [{ path: folder, prefix: '../' }] }),
      source({ version: 'two' }),
    ])
      await expect(publish(bad)).rejects.toMatchObject({
        code: expect.stringMatching(/bundle_refused|input_refused/) as string,
      })
    await expect(publish(source({ version: '3.0.0' }), source())).rejects.toMatchObject({
      code: 'bundle_refused',
    })
    stage.follow({ rules: [] })
    await expect(publish(source({ version: '2.0.0' }))).rejects.toMatchObject({ code: 'denied' })
    stage.follow({})
    const rows = await stage.db.query(`select version from centre.bundle where version > '1.0.1'`)
    expect(rows).toEqual([])
  })

  it('knows what it holds, and a file that was changed on the disk is never given as a whole', async () => {
    const { envelopeSha256 } = await publish(source({ version: '1.0.1' }))
    await writeFile(join(stage.folder, 'content', envelopeSha256), 'something else')
    await expect(content.get(envelopeSha256)).rejects.toMatchObject({ code: 'content_unknown' })
  })

  it('ships the models of this version, with their cards', () => {
    const shipped = shippedBundles()
    expect(shipped.map(({ name }) => name)).toEqual(['speech', 'intent'])
    for (const { version, card } of shipped) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
      expect(card.licence).not.toBe('')
    }
  })
})
