import { describe, expect, it } from 'vitest'
import { contentChecks, type Check } from '../../../rollout/bundle/examine.ts'
import { openFolder, type FolderBundle } from '../../../rollout/bundle/folder.ts'
import { isLicence } from '../../../rollout/bundle/licence.ts'
import type { Json } from '../../../shared/json.ts'
import { bytesOf, CARD, dataset, releaseFacts, sourceFiles } from '../../support/whole-bundle.ts'

const composing = { name: 'speech', environment: 'development', nowMs: 0 } as const
const built = openFolder(sourceFiles({ 'lexicon.txt': 'a AH', 'tokens.txt': 'a 1' }), composing)

/** The same bundle with some files changed, taken away (null) or added, and the manifest as it was. */
function altered(change: Readonly<Record<string, Uint8Array | object | string | null>>): FolderBundle {
  const files = new Map<string, Uint8Array>([...built.files, ['manifest.json', built.payload]])
  for (const [path, content] of Object.entries(change)) {
    if (content === null) files.delete(path)
    else files.set(path, bytesOf(content))
  }
  return openFolder(files, composing)
}
const checked = ({ manifest, held }: FolderBundle): readonly Check[] => contentChecks(manifest, held)
const faultsOf = (bundle: FolderBundle): Record<string, string | undefined> =>
  Object.fromEntries(
    checked(bundle).flatMap(({ check, fault }) => (fault === null ? [] : [[check, fault.code]])),
  )
const document = (path: string): Json => JSON.parse(String(Buffer.from(built.files.get(path) ?? []))) as Json

/** Every value under `value` that is no object, with the way to it. */
function leaves(value: Json, way: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [way]
  return Object.entries(value).flatMap(([key, item]) =>
    leaves(item, [...way, Array.isArray(value) ? Number(key) : key]),
  )
}

function withLeaf(value: Json, way: readonly (string | number)[], to: (before: Json) => Json): Json {
  const [key, ...rest] = way
  if (key === undefined) return to(value)
  const copy = structuredClone(value) as Record<string, Json>
  copy[key] = withLeaf(copy[key] as Json, rest, to)
  return Array.isArray(value) ? Object.values(copy) : copy
}

const otherThan = (before: Json): Json =>
  typeof before === 'number' ? before + 1 : `${JSON.stringify(before)}x`

describe('a bundle held against itself', () => {
  it('holds when it was composed, the same bytes each time', () => {
    expect(faultsOf(built)).toEqual({})
    const again = openFolder(sourceFiles({ 'tokens.txt': 'a 1', 'lexicon.txt': 'a AH' }), composing)
    expect(Buffer.from(again.payload).equals(built.payload)).toBe(true)
  })

  it('names every single field of the bill of materials that the bytes do not bear out', () => {
    const bom = document('bom.cdx.json')
    const ways = leaves(bom)
    expect(ways.length).toBeGreaterThan(60)
    for (const way of ways) {
      const bundle = altered({ 'bom.cdx.json': withLeaf(bom, way, otherThan) as object })
      const check = checked(bundle).find((one) => one.check === 'bom')
      const place = way.reduce<string>(
        (so, key) => so + (typeof key === 'number' ? `[${key}]` : so === '' ? key : `.${key}`),
        '',
      )
      expect(check?.fault?.detail).toContain(`${place}: `)
    }
  })

  it('is refused with an intent model that has no domain, or two: no device could open it', () => {
    const withDomains = (...names: string[]) =>
      openFolder(
        sourceFiles({
          'intent.onnx': 'a model',
          ...Object.fromEntries(names.map((name) => [`domains/${name}`, 'x: 1'])),
        }),
        composing,
      )
    expect(faultsOf(withDomains('one.yaml'))).toEqual({})
    for (const bundle of [withDomains(), withDomains('one.yaml', 'two.yaml')])
      expect(faultsOf(bundle)).toEqual({ complete: 'bundle_refused' })
  })

  it('names what the bill leaves out, and what it says beyond', () => {
    const bom = document('bom.cdx.json') as Record<string, Json>
    const { components } = bom as { components: Json[] }
    for (const wrong of [
      { ...bom, components: components.slice(1) },
      { ...bom, components: [...components, components[0]] },
      { ...bom, annotations: [] },
      [],
      'text',
    ])
      expect(faultsOf(altered({ 'bom.cdx.json': wrong }))).toMatchObject({ bom: 'bundle_unsound' })
  })

  it.each([
    [
      'a model of other bytes',
      { 'model.onnx': 'b model' },
      { files: 'bundle_unsound', bom: 'bundle_unsound' },
    ],
    ['a model cut short', { 'model.onnx': 'a mode' }, { files: 'bundle_unsound', bom: 'bundle_unsound' }],
    ['a file that nobody signed', { 'more.txt': 'x' }, { files: 'bundle_unsound' }],
    ['a file gone', { 'tokens.txt': null }, { files: 'bundle_unsound' }],
    ['another card', { 'card.json': { ...CARD, licence: 'MIT' } }, { card: 'bundle_unsound' }],
    ['no provenance', { 'provenance.intoto.json': null }, { provenance: 'bundle_without_provenance' }],
    ['no evaluation', { 'evaluation.intoto.json': null }, { evaluation: 'bundle_without_evaluation' }],
    ['no bill', { 'bom.cdx.json': null }, { bom: 'bundle_without_bom' }],
    [
      'a provenance in no form',
      { 'provenance.intoto.json': {} },
      { provenance: 'bundle_without_provenance' },
    ],
  ] as const)('is refused with %s', (_name, change, faults) => {
    expect(faultsOf(altered(change))).toMatchObject(faults)
  })

  it('is refused when a statement is about other bytes, or a dataset lost its digest, licence or consent', () => {
    const provenance = document('provenance.intoto.json')
    const about = withLeaf(provenance, ['subject', 0, 'digest', 'sha256'], () => 'f'.repeat(64))
    expect(faultsOf(altered({ 'provenance.intoto.json': about as object }))).toMatchObject({
      provenance: 'bundle_unsound',
    })
    const at = ['predicate', 'buildDefinition', 'resolvedDependencies', 0] as const
    for (const wrong of [
      withLeaf(provenance, at, (one) => ({ ...(one as object), digest: undefined }) as never),
      withLeaf(provenance, [...at, 'annotations'], () => ({ use: 'training', licence: 'MIT' })),
      withLeaf(provenance, [...at, 'annotations', 'consent', 'state'], () => 'unknown'),
      withLeaf(provenance, ['predicate', 'buildDefinition', 'internalParameters', 'transforms'], () => []),
      withLeaf(provenance, ['predicate', 'buildDefinition', 'resolvedDependencies'], () => []),
    ])
      expect(faultsOf(altered({ 'provenance.intoto.json': wrong as object }))).toMatchObject({
        provenance: 'provenance_incomplete',
      })
    const base = sourceFiles({
      'release.json': releaseFacts({
        provenance: {
          recipe: 'r',
          builder: 'urn:x',
          parameters: {},
          datasets: [dataset({ use: 'base', consent: { state: 'unknown', note: 'its makers do not say' } })],
          transforms: [{ step: 's', tool: 't' }],
        },
      }),
    })
    expect(faultsOf(openFolder(base, composing))).toEqual({})
  })
})

describe('a licence', () => {
  it.each(['Apache-2.0', 'MIT AND BSD-2-Clause', '(MIT OR GPL-2.0-or-later) AND LicenseRef-x', 'GPL-2.0+'])(
    'is %s',
    (text) => {
      expect(isLicence(text)).toBe(true)
    },
  )
  it.each([
    '',
    'NOASSERTION',
    'NONE',
    'MIT AND NOASSERTION',
    'the same as its file',
    '(MIT',
    'MIT)',
    'MIT and BSD',
  ])('is not %j', (text) => {
    expect(isLicence(text)).toBe(false)
  })
})
