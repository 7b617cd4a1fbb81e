/**
 * Two repositories, as Uptane has them: *image* (offline keys) says what exists, *director* (online key) what this device
 * shall have. Only what both name, with the same length and hashes, may be installed: whoever takes the centre can then move
 * devices among approved releases, and whoever takes a release key reaches no device that the director did not send there.
 */
import type { Json } from '../../shared/json.ts'
import type { Hashes, TargetFile } from './metadata.ts'
import { TufRefused } from './refused.ts'

/** A target that both repositories name. `hashes` holds what either says, and bytes have to meet all of it. */
export interface AgreedTarget extends TargetFile {
  /** What the director adds, as `custom` is what the image repository's signers say. */
  readonly direction: Json | undefined
}

/** The hash that both must give: agreeing on a length alone, or on different algorithms, is no agreement. */
const COMMON_HASH = 'sha256'

/** One target out of what each repository says of it. Throws {@link TufRefused} (`disagreement`). */
export function agreedTarget(image: TargetFile, director: TargetFile): AgreedTarget {
  const { path } = image
  const differ = (what: string): TufRefused =>
    new TufRefused('disagreement', path, `the image repository and the director differ in ${what}`)
  if (director.path !== path) throw differ(`path: ${director.path}`)
  if (director.lengthBytes !== image.lengthBytes) throw differ('length')
  if (!image.hashes.has(COMMON_HASH) || !director.hashes.has(COMMON_HASH))
    throw differ(`having a ${COMMON_HASH}`)
  for (const [name, hash] of director.hashes)
    if ((image.hashes.get(name) ?? hash) !== hash) throw differ(name)
  const hashes: Hashes = new Map([...image.hashes, ...director.hashes])
  return { path, lengthBytes: image.lengthBytes, hashes, custom: image.custom, direction: director.custom }
}

/** The path under which both repositories list a bundle: its signed manifest, which in turn names every file by its hash. */
export function bundleTargetPath(name: string, version: string): string {
  return `bundles/${name}/${version}/manifest.dsse`
}

/** Throws {@link TufRefused} unless the agreed target is exactly the file that somebody else, the desired state say, names. */
export function checkIsTarget(
  target: AgreedTarget,
  named: { readonly sha256: string; readonly sizeBytes: number },
): void {
  if (target.hashes.get(COMMON_HASH) !== named.sha256 || target.lengthBytes !== named.sizeBytes)
    throw new TufRefused('disagreement', target.path, 'the repositories name other bytes than were asked for')
}
