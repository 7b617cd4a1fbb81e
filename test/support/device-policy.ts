/** A device's own file of the policy, and somebody who signs others for it. */
import { openHeldPolicy, storePolicy, type HeldPolicy } from '../../edge-agent/identity/held-policy.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import type { PolicyDocument } from '../../shared/policy/policy.ts'
import { openPolicy, signPolicy } from '../../shared/policy/signed-policy.ts'
import { generateKeyPair, type KeyPair } from '../../shared/signing/ed25519.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'

export interface DevicePolicy extends HeldPolicy {
  readonly key: KeyPair
  signed(change: Partial<PolicyDocument>, by?: KeyPair): Envelope
  /** The same file, opened anew. */
  reopened(): HeldPolicy
}

/** In `folder`, which is there, the version 1 is held. */
export function devicePolicy(folder: string, nowMs: number): DevicePolicy {
  const key = generateKeyPair()
  const environment = 'development'
  const trust = { policyKeys: [key.publicKey], environment } as const
  const signed: DevicePolicy['signed'] = (change, by = key) =>
    signPolicy({ ...fieldServicePolicy({ environment, version: 1, nowMs }), ...change }, [by])
  storePolicy(folder, openPolicy(signed({}), { keys: trust.policyKeys, environment, held: null }))
  const reopened = (): HeldPolicy => openHeldPolicy(folder, trust)
  return { ...reopened(), key, signed, reopened }
}
