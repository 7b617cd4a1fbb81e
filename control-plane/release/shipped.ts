/** The models that come with this version of Starling, as bundles: published by a new centre through the same path as any other. */
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../shared/package-root.ts'
import { cardOf } from './card.ts'
import type { BundleSource } from './publish.ts'

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
  const { version, card } = cardOf(`${first?.path ?? ''}card.json`)
  return { name: bundle.name, version, folders, golden: ['golden.json'], card, minimalRuntime: '0.1.0' }
}
