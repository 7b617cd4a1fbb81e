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
        { path: 'edge-agent/domains/', prefix: 'domains/', only: ['field-service.yaml'] },
      ],
    }),
  ]
}

function source(bundle: { readonly name: string; readonly folders: BundleSource['folders'] }): BundleSource {
  const folders = bundle.folders.map((folder) => ({
    ...folder,
    path: fileURLToPath(new URL(folder.path, packageRoot())),
  }))
  const [first] = folders
  const { version, card } = cardOf(`${first?.path ?? ''}card.json`)
  return { name: bundle.name, version, folders, golden: ['golden.json'], card, minimalRuntime: '0.1.0' }
}
