/**
 * What runs is held against its signed manifest at every start: a bit that turned on the disk is no release that anybody signed.
 * A damaged slot is left, whatever it was committed to, and what is damaged is fetched again.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openManifest } from '../../rollout/manifest.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { contentFault } from '../models-store/content-store.ts'
import { nullIfUnreadable } from '../models-store/disk-trouble.ts'
import type { Occupant } from '../models-store/slots.ts'
import type { InstallParts } from './installer.ts'

export class SlotDamaged extends StarlingError {
  override readonly code = 'slot_damaged'
}

/**
 * Null for a slot that holds, byte for byte, what its signed manifest names. What is damaged, or cannot be read from the disk, is
 * forgotten by the store as well. Throws {@link MachineExhausted} where nobody can say.
 */
export async function slotDamage(
  { slots, store, trust }: Pick<InstallParts, 'slots' | 'store' | 'trust'>,
  { name, slot, version, envelopeSha256 }: Occupant & { readonly name: string },
): Promise<SlotDamaged | null> {
  const dir = slots.folder(name, slot)
  const damaged = (what: string): SlotDamaged =>
    new SlotDamaged(`${name} ${version} is damaged on this disk: ${what}`, {
      remedy: 'It is fetched again as soon as the centre or the site has it. Check the disk.',
    })
  const envelope = await readFile(join(dir, 'manifest.dsse.json')).catch(nullIfUnreadable)
  if (envelope === null || sha256Hex(envelope) !== envelopeSha256) return damaged('its signed manifest')
  const opened = openManifest(envelope, trust)
  if (opened.kind === 'refused') return damaged(`its signed manifest, ${opened.detail}`)
  if (opened.manifest.name !== name || opened.manifest.version !== version)
    return damaged(`what points at it, for it holds ${opened.manifest.name} ${opened.manifest.version}`)
  let first: SlotDamaged | null = null
  for (const file of opened.manifest.files) {
    const fault = await contentFault(join(dir, ...file.path.split('/')), file)
    if (fault === null) continue
    first ??= damaged(`${file.path}: ${fault}`)
    // One file under two names: the store's own is damaged alike, and must not be linked again.
    await store.discard(file)
  }
  return first
}
