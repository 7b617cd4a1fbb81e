import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CENTRE_SCHEMA } from '../../../control-plane/centre-schema.ts'
import { atCentre } from '../../../control-plane/performer.ts'
import { openCentreContent, type CentreContent } from '../../../control-plane/release/content.ts'
import { publishPerformer, type PublishParts } from '../../../control-plane/release/publish.ts'
import { shippedBundles } from '../../../control-plane/release/shipped.ts'
import type { BundleSource } from '../../../control-plane/release/source.ts'
import { openFolder } from '../../../rollout/bundle/folder.ts'
import { signatureChecks } from '../../../rollout/bundle/signatures.ts'
import { openManifest } from '../../../rollout/manifest.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { CHUNK_SIZE_BYTES } from '../../../shared/wire/bundle.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { CARD, dataset, evaluation, releaseFacts, sourceFiles } from '../../support/whole-bundle.ts'

const key = generateKeyPair()
const modelKey = generateSigningKey('ecdsa-sha2-nistp256')

let stage: Governed
let content: CentreContent
beforeAll(async () => {
  stage = await governed({ origin: 'centre' })
  await stage.db.script(CENTRE_SCHEMA)
  content = openCentreContent(join(stage.folder, 'content'))
})
beforeEach(async () => {
  stage.follow({})
  await stage.db.script('delete from centre.bundle; delete from centre.alias; delete from centre.alias_move')
})
afterAll(async () => await stage.close())

const source = (
  version: string,
  change: Parameters<typeof sourceFiles>[0] = {},
  held = false,
): BundleSource => ({
  name: 'speech',
  version,
  files: sourceFiles({ 'card.json': { ...CARD, version }, ...change }),
  held,
})
const publish = async (of: BundleSource, change: Partial<PublishParts> = {}, under = of) =>
  (
    await atCentre(
      stage.kernel,
      publishPerformer(
        { content, clock: stage.clock, key, modelKey, environment: 'development', ...change },
        of,
      ),
      {
        resource: { type: 'bundle', id: `${under.name} ${under.version}` },
        input: { name: under.name, version: under.version },
      },
    )
  ).output
const model = (fill: number): Uint8Array => Buffer.alloc(CHUNK_SIZE_BYTES * 2 + 7, fill)
const judged = (accuracy: number, change = {}): object =>
  releaseFacts({ evaluation: evaluation(accuracy, change) })
const codeOf = async (of: BundleSource, change: Partial<PublishParts> = {}): Promise<string> =>
  await publish(of, change).then(
    () => 'published',
    (thrown: { code: string }) => thrown.code,
  )

describe('publishing a bundle', () => {
  it('signs a manifest that names every piece, serves the pieces, and keeps the signed statements', async () => {
    const published = await publish(source('1.0.0', { 'model.onnx': model(1) }))
    expect(published).toMatchObject({ isNew: true, files: 6 })
    const envelope = await content.get(published.envelopeSha256)
    const opened = openManifest(envelope, { releaseKeys: [key.publicKey], threshold: 1 })
    if (opened.kind === 'refused') throw new Error(opened.detail)
    const { manifest } = opened
    expect(manifest.files.map(({ path, role }) => `${role} ${path}`)).toEqual([
      'bom bom.cdx.json',
      'card card.json',
      'evaluation evaluation.intoto.json',
      'golden golden.json',
      'model model.onnx',
      'provenance provenance.intoto.json',
    ])
    const [, , , , file] = manifest.files
    expect(file?.chunks).toHaveLength(3)
    for (const [index, digest] of (file?.chunks ?? []).entries())
      expect(sha256Hex(await content.chunk(file?.sha256 ?? '', index))).toBe(digest)

    const [row] = await stage.db.query<{ attestations: never }>('select attestations from centre.bundle')
    const signed = new Map<string, Uint8Array>()
    for (const [path, sha256] of Object.entries<string>(row?.attestations ?? {}))
      signed.set(path, await content.get(sha256))
    const files = new Map<string, Uint8Array>()
    for (const { path, sha256 } of manifest.files) files.set(path, await content.get(sha256))
    files.set(
      'manifest.json',
      Buffer.from((JSON.parse(String(Buffer.from(envelope))) as { payload: string }).payload, 'base64'),
    )
    const bundle = openFolder(files, { name: 'speech', environment: 'development', nowMs: 0 })
    const trust = { releaseKeys: [key.publicKey], threshold: 1, modelKeys: [modelKey.publicText] }
    expect(signatureChecks(bundle, signed, trust).map(({ fault }) => fault)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('leaves a version as it is, and refuses other files under it', async () => {
    await publish(source('1.0.0'))
    expect(await publish(source('1.0.0'))).toMatchObject({ isNew: false })
    const changed = { 'golden.json': { changed: true } }
    expect(await codeOf(source('1.0.0', changed))).toBe('bundle_version_taken')
    expect(await publish(source('1.0.1', changed))).toMatchObject({ isNew: true })
    const rows = await stage.db.query('select version from centre.bundle order by version')
    expect(rows.map(({ version }) => version)).toEqual(['1.0.0', '1.0.1'])
  })

  it.each([
    ['provenance', { 'release.json': releaseFacts({ provenance: undefined }) }, 'bundle_without_provenance'],
    ['evaluation', { 'release.json': releaseFacts({ evaluation: undefined }) }, 'bundle_without_evaluation'],
    ['metric contract', { 'release.json': releaseFacts({ metrics: undefined }) }, 'bundle_without_metrics'],
    ['any of them', { 'release.json': null }, 'bundle_without_metrics'],
    ['golden set', { 'golden.json': null }, 'bundle_without_golden'],
    ['licence', { 'card.json': { ...CARD, licence: 'NOASSERTION' } }, 'bundle_without_licence'],
    ['licence at all', { 'card.json': { ...CARD, licence: undefined } }, 'bundle_without_licence'],
    ['card', { 'card.json': null }, 'bundle_refused'],
    [
      'consent of those who taught it',
      {
        'release.json': releaseFacts({
          provenance: {
            recipe: 'r',
            builder: 'urn:test',
            parameters: {},
            datasets: [dataset({ consent: { state: 'unknown', note: 'nobody asked' } })],
            transforms: [{ step: 's', tool: 't' }],
          },
        }),
      },
      'provenance_incomplete',
    ],
    ['quality over its own threshold', { 'release.json': judged(0.3) }, 'evaluation_failed'],
  ] as const)('refuses one without %s', async (_name, change, code) => {
    expect(await codeOf(source('1.0.0', change))).toBe(code)
    expect(await stage.db.query('select 1 from centre.bundle')).toEqual([])
  })

  it('refuses one that does worse than what runs, and takes one that does as well', async () => {
    await publish(source('1.0.0', { 'release.json': judged(0.8), 'model.onnx': 'first' }))
    const worse = { 'release.json': judged(0.7), 'model.onnx': 'second' }
    expect(await codeOf(source('1.1.0', worse))).toBe('evaluation_worse')
    const elsewhere = { heldBack: { name: 'o', sha256: 'c'.repeat(64), items: 9, licence: 'MIT' } }
    const apart = { 'release.json': judged(0.95, elsewhere), 'model.onnx': 'third' }
    expect(await codeOf(source('1.1.0', apart))).toBe('evaluation_not_comparable')
    const within = { 'release.json': judged(0.77), 'model.onnx': 'fourth' }
    expect(await codeOf(source('1.1.0', within))).toBe('published')
    const compared = {
      ...elsewhere,
      incumbent: {
        version: '1.0.0',
        figures: [{ name: 'accuracy', value: 0.7, low: 0.6, high: 0.8, of: 9 }],
      },
    }
    const named = { 'release.json': judged(0.9, compared), 'model.onnx': 'fifth' }
    expect(await codeOf(source('1.2.0', named))).toBe('published')
    // What ran once may run again under a newer number, whatever it was measured on.
    const again = { 'release.json': judged(0.8), 'model.onnx': 'first' }
    expect(await codeOf(source('1.3.0', again))).toBe('published')
    const bolder = { 'release.json': judged(0.6), 'model.onnx': 'first' }
    expect(await codeOf(source('1.4.0', bolder))).toBe('evaluation_worse')
  })

  it('compares with what everybody runs, not with a candidate that is held back', async () => {
    await publish(source('1.0.0', { 'release.json': judged(0.7), 'model.onnx': 'first' }))
    await publish(source('1.1.0', { 'release.json': judged(0.95), 'model.onnx': 'second' }, true))
    const third = { 'release.json': judged(0.72), 'model.onnx': 'third' }
    expect(await codeOf(source('1.2.0', third))).toBe('published')
  })

  it('publishes nothing that a device would refuse, nor anything but what was admitted', async () => {
    for (const [bad, code] of [
      [source('2.0.0', { '../escape.txt': 'x' }), 'bundle_refused'],
      [source('2.0.0', { 'empty.txt': '' }), 'bundle_refused'],
      [source('two'), 'input_refused'],
    ] as const)
      expect(await codeOf(bad)).toBe(code)
    await expect(publish(source('3.0.0'), {}, source('1.0.0'))).rejects.toMatchObject({
      code: 'bundle_refused',
    })
    stage.follow({ rules: [] })
    expect(await codeOf(source('2.0.0'))).toBe('denied')
    expect(await stage.db.query('select version from centre.bundle')).toEqual([])
  })

  it('takes a built bundle as it is: its bytes, its environment, its signers', async () => {
    const composing = { name: 'speech', nowMs: stage.clock.nowMs() }
    const built = openFolder(source('1.0.0').files, { ...composing, environment: 'production' })
    const files = new Map([...built.files, ['manifest.json', built.payload]])
    const given = { name: 'speech', version: '1.0.0', files }
    expect(await codeOf(given)).toBe('bundle_foreign_environment')
    const tampered = new Map([...files, ['model.onnx', Buffer.from('a modem')]])
    expect(await codeOf({ ...given, files: tampered }, { environment: 'production' })).toBe('bundle_unsound')
    expect(await codeOf(given, { environment: 'production' })).toBe('published')
  })

  it('knows what it holds, and a file that was changed on the disk is never given as a whole', async () => {
    const { envelopeSha256 } = await publish(source('1.0.1'))
    await writeFile(join(stage.folder, 'content', envelopeSha256), 'something else')
    await expect(content.get(envelopeSha256)).rejects.toMatchObject({ code: 'content_unknown' })
  })

  it('ships the models of this version, whole and with what is known of them', async () => {
    const shipped = await shippedBundles()
    expect(shipped.map(({ name }) => name)).toEqual(['speech', 'intent'])
    for (const bundle of shipped) expect(await codeOf(bundle)).toBe('published')
    const figure = async (at: number, file: string, of: (card: never) => unknown): Promise<unknown> =>
      of(JSON.parse(Buffer.from(shipped[at]?.files.get(file) ?? []).toString()) as never)
    type Facts = { evaluation: { figures: { name: string; value: number }[] } }
    const measured = async (at: number): Promise<Record<string, number>> =>
      (await figure(at, 'release.json', ({ evaluation: { figures } }: Facts) =>
        Object.fromEntries(figures.map(({ name, value }) => [name, Number(value.toFixed(3))])),
      )) as Record<string, number>
    // What the bundle says is what the card says.
    type SpeechCard = { figures: Record<string, { accepted: number }> }
    expect(await measured(0)).toEqual(
      await figure(0, 'card.json', ({ figures }: SpeechCard) => ({
        commands_clean: figures['commandsClean']?.accepted,
        commands_noise_12db: figures['commandsKitchenNoise12dB']?.accepted,
        commands_noise_6db: figures['commandsKitchenNoise6dB']?.accepted,
        digits_8khz: figures['digitsAt8kHz']?.accepted,
      })),
    )
    type IntentCard = { figures: { heldOutWritten: number } }
    expect(await measured(1)).toEqual(
      await figure(1, 'card.json', ({ figures }: IntentCard) => ({
        intent_accuracy: Number(figures.heldOutWritten.toFixed(3)),
      })),
    )
  })
})
