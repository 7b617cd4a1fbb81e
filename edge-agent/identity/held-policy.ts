/** The policy that this device follows: the newest that it was given, verified again at every start. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'
import { openPolicy, type SignedPolicy } from '../../shared/policy/signed-policy.ts'
import { replaceSecret, type Identity } from './identity.ts'

export class NoPolicy extends StarlingError {
  override readonly code = 'no_policy'
}

const FILE = 'policy.json'

export function storePolicy(folder: string, policy: SignedPolicy): void {
  replaceSecret(join(folder, FILE), JSON.stringify(policy.envelope))
}

export interface HeldPolicy {
  current(): SignedPolicy
  /** Takes a newer one up, durably. Throws `BadEnvelope` or `PolicyRefused`; then the one that is held stays. */
  take(envelope: unknown): void
}

/** Throws {@link NoPolicy} when there is none that verifies: without a policy nothing may be done. */
export function openHeldPolicy(
  folder: string,
  identity: Pick<Identity, 'policyKeys' | 'environment'>,
): HeldPolicy {
  const { policyKeys: keys, environment } = identity
  let held = read(folder, identity)
  return {
    current: () => held,
    take: (envelope) => {
      const next = openPolicy(envelope, { keys, environment, held })
      if (next.digest === held.digest) return
      storePolicy(folder, next)
      held = next
    },
  }
}

function read(
  folder: string,
  { policyKeys: keys, environment }: Pick<Identity, 'policyKeys' | 'environment'>,
): SignedPolicy {
  try {
    const envelope: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'))
    return openPolicy(envelope, { keys, environment, held: null })
  } catch (cause) {
    throw new NoPolicy(`the device holds no policy that verifies: ${(cause as Error).message}`, {
      remedy: 'Restore policy.json from a backup, or `starling reset` and enrol the device anew.',
      cause,
    })
  }
}
