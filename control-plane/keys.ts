/** The centre's own keys: made once, kept in one file of mode 0600. Each key signs one kind of thing. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { keyDocument } from '../rollout/tuf/documents.ts'
import { StarlingError } from '../shared/errors.ts'
import { FabricSeedsSchema, makeFabricSeeds, type FabricSeeds } from '../shared/fabric/credentials.ts'
import { generateKeyPair, loadKeyPair, type KeyPair } from '../shared/signing/ed25519.ts'
import { generateSigningKey, loadSigningKey, type SigningKey } from '../shared/signing/signing-key.ts'

export class KeysUnreadable extends StarlingError {
  override readonly code = 'keys_unreadable'
}

const StoredSchema = v.strictObject({
  v: v.literal(1),
  release: v.string(),
  /** PEM; missing in a file from before models were signed by a key of their own. */
  model: v.exactOptional(v.string()),
  policy: v.string(),
  receipt: v.string(),
  journal: v.string(),
  access: v.string(),
  fabric: FabricSeedsSchema,
})

export interface CentreKeys {
  /** Signs bundles' manifests. */
  readonly release: KeyPair
  /** ECDSA P-256: signs a bundle's files as OpenSSF Model Signing has it. */
  readonly model: SigningKey
  readonly policy: KeyPair
  /** Signs receipts for segments. */
  readonly receipt: KeyPair
  /** Seals the centre's own journal. */
  readonly journal: KeyPair
  /** Signs access tokens of people and programs at the centre. */
  readonly access: KeyPair
  readonly fabric: FabricSeeds
}

/** Writes the public halves of what signs bundles beside the keys: `release.pub`, `model.pub`, as `starling keys new` writes them. */
function writePublicKeys(folder: string, { release, model }: Pick<CentreKeys, 'release' | 'model'>): void {
  const ed25519 = { keytype: 'ed25519', scheme: 'ed25519' } as const
  const publicText = Buffer.from(release.publicKey.text, 'base64url').toString('hex')
  for (const [name, key] of [
    ['release.pub', { ...ed25519, publicText }],
    ['model.pub', model],
  ] as const)
    writeFileSync(join(folder, name), `${JSON.stringify(keyDocument(key), undefined, 1)}\n`)
}

/** Reads the keys, or makes them when there are none. Throws {@link KeysUnreadable}; it never replaces a file that it cannot read. */
export function openCentreKeys(folder: string): CentreKeys {
  const path = join(folder, 'keys.json')
  if (!existsSync(path)) writeKeys(path, freshKeys())
  try {
    const stored = v.parse(StoredSchema, JSON.parse(readFileSync(path, 'utf8')))
    const { model = newModelKey() } = stored
    if (stored.model === undefined) writeKeys(path, { ...stored, model })
    const signers = { release: loadKeyPair(stored.release), model: loadSigningKey(model) }
    writePublicKeys(folder, signers)
    return {
      ...signers,
      policy: loadKeyPair(stored.policy),
      receipt: loadKeyPair(stored.receipt),
      journal: loadKeyPair(stored.journal),
      access: loadKeyPair(stored.access),
      fabric: stored.fabric,
    }
  } catch (cause) {
    throw new KeysUnreadable(`the centre's keys in ${path} cannot be read`, {
      remedy: 'Restore the file from a backup: with new keys, every device would have to be enrolled anew.',
      cause,
    })
  }
}

function newModelKey(): string {
  return generateSigningKey('ecdsa-sha2-nistp256').secretPem()
}

function freshKeys(): v.InferOutput<typeof StoredSchema> {
  const seed = (): string => generateKeyPair().seedText
  return {
    v: 1,
    release: seed(),
    model: newModelKey(),
    policy: seed(),
    receipt: seed(),
    journal: seed(),
    access: seed(),
    fabric: makeFabricSeeds(),
  }
}

function writeKeys(path: string, stored: v.InferOutput<typeof StoredSchema>): void {
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, JSON.stringify(stored))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}
