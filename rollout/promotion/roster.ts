/** Whose key it is that signed, by the centre's word. */
import { loadPublicKey, type PublicKey } from '../../shared/signing/ed25519.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import { APPROVER_TYPE, ApproverSchema, openStatement } from '../../shared/wire/approval.ts'
import { ChainBroken } from './chain-broken.ts'

/** Who signed the envelope, alone. Throws {@link ChainBroken} for a key that is not entered. */
export type Roster = (envelope: Envelope) => { readonly person: string; readonly key: PublicKey }

/** Throws `BadEnvelope` and {@link ChainBroken} for an entry that the centre did not sign for this environment. */
export function rosterOf(
  entered: readonly Envelope[],
  ground: { readonly policyKey: PublicKey; readonly environment: string },
): Roster {
  const entries = entered.map((envelope) => {
    const entry = openStatement(envelope, {
      type: APPROVER_TYPE,
      key: ground.policyKey,
      schema: ApproverSchema,
    })
    if (entry.environment !== ground.environment)
      throw new ChainBroken(`the key of ${entry.person} is entered for ${entry.environment}`)
    return { person: entry.person, key: loadPublicKey(entry.publicKey) }
  })
  return ({ signatures }) => {
    const found = entries.find(({ key }) => key.id === signatures[0]?.keyid)
    if (found === undefined || signatures.length !== 1)
      throw new ChainBroken('an approval is signed by a key that the centre never vouched for')
    return found
  }
}
