/** Whose signatures on a bundle count: the keys that the call names, else those of the centre on this data folder. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { BundleTrust } from '../../../rollout/bundle/signatures.ts'
import { StarlingError } from '../../../shared/errors.ts'
import { loadPublicKey } from '../../../shared/signing/ed25519.ts'
import type { Home } from '../../home.ts'
import { readPublicKey } from './key-files.ts'

/** Nobody is trusted: nothing that is signed could hold. */
export class NobodyTrusted extends StarlingError {
  override readonly code = 'nobody_trusted'
}

/** Written by the centre when it starts; public, to be carried to wherever bundles are verified. */
const CENTRE_KEYS = ['release.pub', 'model.pub']

export function trustOf(home: Home, files: readonly string[], threshold: number): BundleTrust {
  const given = files.length > 0 ? files : CENTRE_KEYS.map((name) => join(home.hub, name)).filter(existsSync)
  if (given.length === 0)
    throw new NobodyTrusted('no key is trusted to sign bundles', {
      remedy: 'Name the public keys with --key FILE.pub, or the data folder of a centre with --data.',
    })
  const keys = given.map(readPublicKey)
  return {
    threshold,
    releaseKeys: keys
      .filter(({ scheme }) => scheme === 'ed25519')
      .map(({ publicText }) => loadPublicKey(Buffer.from(publicText, 'hex').toString('base64url'))),
    modelKeys: keys
      .filter(({ scheme }) => scheme === 'ecdsa-sha2-nistp256')
      .map(({ publicText }) => publicText),
  }
}
