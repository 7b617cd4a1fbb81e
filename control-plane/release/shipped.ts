/** The models that come with this version of Starling, as bundles: published by a new centre through the same path as any other. */
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../shared/package-root.ts'
import { sourceOf, type BundleSource, type SourceFolder } from './source.ts'

export async function shippedBundles(): Promise<readonly BundleSource[]> {
  return [
    await shipped('speech', [{ path: 'edge-agent/models/speech/', prefix: '' }]),
    await shipped('intent', [
      { path: 'edge-agent/models/intent/', prefix: '' },
      { path: 'edge-agent/domains/', prefix: 'domains/', only: ['field-service.yaml'] },
    ]),
  ]
}

async function shipped(name: string, folders: readonly SourceFolder[]): Promise<BundleSource> {
  return await sourceOf(
    name,
    folders.map((folder) => ({ ...folder, path: fileURLToPath(new URL(folder.path, packageRoot())) })),
  )
}
