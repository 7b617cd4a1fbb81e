/** A bundle by its commands: built, signed on machines of their own, verified, damaged, published, and found again by a digest. */
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Call } from '../../../edge-agent/cli/call.ts'
import { bundleBuild, bundleSign, bundleVerify } from '../../../edge-agent/cli/commands/bundle-folder.ts'
import { bundleInspect } from '../../../edge-agent/cli/commands/bundle-inspect.ts'
import { keysNew } from '../../../edge-agent/cli/commands/keys.ts'
import { openOutput } from '../../../edge-agent/cli/output.ts'
import { openHome } from '../../../edge-agent/home.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { CARD, releaseFacts, sourceFiles } from '../../support/whole-bundle.ts'

let folder: { readonly path: string; remove(): Promise<void> }
let call: Call
let answered: PassThrough
const at = (...names: string[]): string => join(folder.path, ...names)
const answer = (): Record<string, unknown> =>
  JSON.parse(
    String(answered.read() as Buffer)
      .trimEnd()
      .split('\n')
      .at(-1) ?? '',
  ) as Record<string, unknown>
type Told = { readonly check: string; readonly fault: { readonly code: string } | null }[]
const refused = (checks: unknown): readonly string[] =>
  (checks as Told).flatMap(({ check, fault }) => (fault === null ? [] : [`${check}: ${fault.code}`]))

async function write(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(at(name, path)), { recursive: true })
    await writeFile(at(name, path), bytes)
  }
  return at(name)
}

beforeAll(async () => {
  folder = await dataFolder('bundle-cli')
  answered = new PassThrough()
  call = {
    home: openHome({ data: folder.path, env: {} }),
    output: openOutput({ json: true, out: answered, err: new PassThrough().resume() }),
    env: {},
    signal: new AbortController().signal,
  }
  for (const name of ['alice', 'bob', 'carol']) await keysNew(call, at(name), 'ed25519')
  await keysNew(call, at('model'), 'ecdsa-sha2-nistp256')
  answered.read()
})
afterAll(async () => await folder.remove())

const keys = (...names: string[]): string[] => names.map((name) => at(name))
const pubs = ['alice', 'bob', 'carol', 'model'].map((name) => `${name}.pub`)
const built = (): string => at('built')

describe('a bundle as a folder', () => {
  beforeEach(async () => {
    await rm(built(), { recursive: true, force: true })
    const source = await write('speech', sourceFiles({ 'sub/lexicon.txt': 'a AH' }))
    expect(await bundleBuild(call, source, { out: built(), environment: 'production' })).toBe(0)
    expect(answer()).toMatchObject({ name: 'speech', version: '1.0.0', environment: 'production' })
  })
  const verify = async (change: Partial<Parameters<typeof bundleVerify>[2]> = {}): Promise<number> =>
    await bundleVerify(call, built(), { key: keys(...pubs), threshold: 2, ...change })
  const sign = async (): Promise<void> => {
    await bundleSign(call, built(), { key: keys('alice', 'bob', 'model'), signature: [] })
    answered.read()
  }

  it('is signed by several who never saw the model, and holds', async () => {
    const toSign = join(built(), 'to-sign.json')
    for (const name of ['alice', 'bob', 'model']) {
      await rm(at(`${name}.sig`), { force: true })
      expect(await bundleSign(call, toSign, { key: keys(name), signature: [], out: at(`${name}.sig`) })).toBe(
        0,
      )
    }
    await bundleSign(call, built(), { key: [], signature: [at('alice.sig')] })
    answered.read()
    expect(await verify()).toBe(1)
    expect(refused(answer()['checks'])).toEqual([
      'manifest signature: signature_refused',
      'provenance signature: signature_refused',
      'evaluation signature: signature_refused',
      'model signature: signature_refused',
    ])
    await bundleSign(call, built(), { key: [], signature: [at('bob.sig'), at('model.sig')] })
    answered.read()
    expect(await verify({ environment: 'production' })).toBe(0)
    expect(answer()).toMatchObject({ holds: true })
    expect(await readdir(built())).toContain('model.sig')
  })

  it.each([
    ['model.onnx', ['model signature: signature_refused', 'files: bundle_unsound', 'bom: bundle_unsound']],
    ['bom.cdx.json', ['model signature: signature_refused', 'files: bundle_unsound', 'bom: bundle_unsound']],
    [
      'sub/lexicon.txt',
      ['model signature: signature_refused', 'files: bundle_unsound', 'bom: bundle_unsound'],
    ],
  ])('tells every check that one byte more in %s breaks', async (path, faults) => {
    await sign()
    await appendFile(join(built(), path), ' ')
    expect(await verify()).toBe(1)
    // The bill's own bytes may say the same in another way.
    const told = refused(answer()['checks']).filter(
      (one) => path !== 'bom.cdx.json' || !one.startsWith('bom'),
    )
    expect(told).toEqual(path === 'bom.cdx.json' ? faults.slice(0, 2) : faults)
  })

  it('is refused for another environment, by strangers, and when a signature is over something else', async () => {
    await sign()
    expect(await verify({ environment: 'development' })).toBe(1)
    expect(refused(answer()['checks'])).toEqual(['environment: bundle_foreign_environment'])
    expect(await verify({ key: keys('carol.pub', 'model.pub'), threshold: 1 })).toBe(1)
    expect(refused(answer()['checks'])).toHaveLength(3)
    await expect(verify({ key: [] })).rejects.toMatchObject({ code: 'nobody_trusted' })
    const other = await write('other', sourceFiles({ 'model.onnx': 'another' }))
    await bundleBuild(call, other, { out: at('other-built'), environment: 'production' })
    await rm(at('stray.sig'), { force: true })
    const carried = join(at('other-built'), 'to-sign.json')
    await bundleSign(call, carried, { key: keys('alice'), signature: [], out: at('stray.sig') })
    answered.read()
    await expect(bundleSign(call, built(), { key: [], signature: [at('stray.sig')] })).rejects.toMatchObject({
      code: 'bundle_unsound',
    })
  })

  it('says what it holds and where it comes from', async () => {
    await bundleInspect(call, { of: built(), version: undefined, digest: undefined })
    expect(answer()).toMatchObject({
      name: 'speech',
      version: '1.0.0',
      recipe: 'made by a test',
      datasets: [{ name: 'bytes of a test', consent: 'not-needed' }],
      evaluation: { heldBack: 'a hundred cases', result: 'PASSED' },
    })
  })

  it('is not built over something else, nor out of a bundle, nor of what says too little', async () => {
    const source = at('speech')
    await expect(bundleBuild(call, source, { out: source, environment: 'production' })).rejects.toMatchObject(
      { code: 'folder_refused' },
    )
    await expect(
      bundleBuild(call, built(), { out: at('again'), environment: 'production' }),
    ).rejects.toMatchObject({ code: 'bundle_refused' })
    await expect(
      bundleBuild(call, at('nowhere'), { out: at('again'), environment: 'production' }),
    ).rejects.toMatchObject({ code: 'folder_refused' })
    const bare = await write('bare', sourceFiles({ 'release.json': releaseFacts({ provenance: undefined }) }))
    await expect(
      bundleBuild(call, bare, { out: at('again'), environment: 'production' }),
    ).rejects.toMatchObject({ code: 'bundle_without_provenance' })
  })
})

it('a list of schema steps is tried on a fresh database, and what that shows goes into its bundle', async () => {
  const step = (statement: string): object => ({
    number: 1,
    kind: 'expand',
    name: 'add-site-note',
    statements: [statement],
  })
  const source = async (statement: string): Promise<string> =>
    await write(
      'steps',
      sourceFiles({
        'card.json': { ...CARD, kind: 'schema' },
        'release.json': null,
        'golden.json': null,
        'model.onnx': null,
        'schema-steps.json': { v: 1, uses: [], steps: [step(statement)] },
      }),
    )
  const path = await source('create table context.site_note (id text primary key)')
  expect(
    await bundleBuild(call, path, { out: at('schema'), name: 'schema', environment: 'development' }),
  ).toBe(0)
  answered.read()
  expect(JSON.parse(await readFile(at('schema', 'golden.json'), 'utf8'))).toEqual({
    v: 1,
    added: ['context.site_note.id text'],
    removed: [],
  })
  await bundleInspect(call, { of: at('schema'), version: undefined, digest: undefined })
  expect(answer()).toMatchObject({ evaluation: { figures: [{ name: 'steps_taken', value: 1 }] } })
  await source('alter table context.nowhere add column x text')
  await expect(
    bundleBuild(call, path, { out: at('schema'), environment: 'development' }),
  ).rejects.toMatchObject({ sqlState: '42P01' })
}, 60_000)
