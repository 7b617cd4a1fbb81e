/** What a slot's own signed manifest says of the bundle in it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Slot } from '../../rollout/install.ts'
import { openManifest } from '../../rollout/manifest.ts'
import { invariant } from '../../shared/errors.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { BundleKind } from '../../shared/wire/bundle.ts'
import type { Slots } from '../models-store/slots.ts'

export interface BundleFacts {
  readonly name: string
  /** Null for a bundle that does not say it. */
  readonly kind: BundleKind | null
  /** When it was published. */
  readonly createdAtMs: number
}

/** The folder of a filled slot, and what is in it. */
export async function filledSlot(
  parts: Parameters<typeof slotFacts>[0] & { readonly slots: Pick<Slots, 'folder'> },
  { name, slot }: { readonly name: string; readonly slot: Slot },
): Promise<{ readonly dir: string; readonly facts: BundleFacts }> {
  const dir = parts.slots.folder(name, slot)
  return { dir, facts: await slotFacts(parts, { name, dir }) }
}

/** From the manifest beside the files, its signature verified again. Throws when it cannot be believed. */
export async function slotFacts(
  { trust }: { readonly trust: { readonly releaseKeys: readonly PublicKey[]; readonly threshold: number } },
  { name, dir }: { readonly name: string; readonly dir: string },
): Promise<BundleFacts> {
  const opened = openManifest(await readFile(join(dir, 'manifest.dsse.json')), trust)
  invariant(opened.kind === 'opened', `the manifest of ${name} was verified when its slot was filled`)
  const { kind = null, createdAt } = opened.manifest
  return { name, kind, createdAtMs: Date.parse(createdAt) }
}
