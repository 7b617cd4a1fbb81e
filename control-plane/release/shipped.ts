/** The models that come with this version of Starling, as bundles: published by a new centre through the same path as any other. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { packageRoot } from '../../shared/package-root.ts'
import { VersionSchema } from '../../shared/wire/bundle.ts'
import type { BundleSource } from './publish.ts'

/** The fields of a model's card that the manifest carries; the whole card travels as a file. */
const CardSchema = v.object({
  version: VersionSchema,
  title: v.string(),
  licence: v.string(),
  languages: v.array(v.string()),
  intendedUse: v.string(),
  limits: v.string(),
})

export function shippedBundles(): readonly BundleSource[] {
  return [
    source({ name: 'speech', folders: [{ path: 'edge-agent/models/speech/', prefix: '' }] }),
    source({
      name: 'intent',
      folders: [
        { path: 'edge-agent/models/intent/', prefix: '' },
        { path: 'edge-agent/domains/', prefix: 'domains/' },
      ],
    }),
  ]
}

function source(bundle: {
  readonly name: string
  readonly folders: readonly { readonly path: string; readonly prefix: string }[]
}): BundleSource {
  const folders = bundle.folders.map(({ path, prefix }) => ({
    path: fileURLToPath(new URL(path, packageRoot())),
    prefix,
  }))
  const [first] = folders
  const { version, ...card } = v.parse(
    CardSchema,
    JSON.parse(readFileSync(`${first?.path ?? ''}card.json`, 'utf8')),
  )
  return { name: bundle.name, version, folders, golden: ['golden.json'], card, minimalRuntime: '0.1.0' }
}
