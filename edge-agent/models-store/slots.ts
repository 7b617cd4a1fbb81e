/**
 * Two slots a bundle, A and B, and a pointer that says which one runs. A slot is a folder of links into the content store
 * beside its signed manifest; the pointer is replaced in one step and remembers the slot before, until the new one is
 * committed, so that going back needs nothing but the disk.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import type { Slot } from '../../rollout/install.ts'
import type { BundleManifest } from '../../shared/wire/bundle.ts'
import { VersionSchema } from '../../shared/wire/bundle.ts'
import type { ContentStore } from './content-store.ts'
import { replaceFile, type Disk } from './disk.ts'
import { nullIfUnreadable } from './disk-trouble.ts'

const OccupantSchema = v.strictObject({
  slot: v.picklist(['a', 'b']),
  version: VersionSchema,
  envelopeSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
/** What a slot holds. */
export type Occupant = v.InferOutput<typeof OccupantSchema>

const PointerSchema = v.strictObject({
  v: v.literal(1),
  active: OccupantSchema,
  /** Kept until the active one is committed; null afterwards, and for the first bundle of all. */
  previous: v.nullable(OccupantSchema),
  committed: v.boolean(),
})
/** Which slot runs, and which one ran before. */
export type SlotPointer = v.InferOutput<typeof PointerSchema>

export interface Slots {
  /**
   * Null before the first activation, or when the pointer is damaged: then nothing of that name runs. Throws {@link MachineExhausted}.
   */
  pointer(name: string): Promise<SlotPointer | null>
  folder(name: string, slot: Slot): string
  /** Fills a slot anew from verified content. */
  occupy(target: { name: string; slot: Slot; manifest: BundleManifest; envelope: Uint8Array }): Promise<void>
  /** Points at `occupant`; the one that was committed last stays remembered. Doing it twice changes nothing. */
  activate(name: string, occupant: Occupant): Promise<void>
  /** Forgets the way back: the active slot is committed. */
  commit(name: string): Promise<void>
  /**
   * Points back at the last committed occupant (or at nothing) when `envelopeSha256` runs uncommitted, or is damaged; else changes
   * nothing.
   */
  restore(name: string, from: { readonly envelopeSha256: string; readonly damaged: boolean }): Promise<void>
}

export function openSlots(folder: string, store: ContentStore, disk: Disk): Slots {
  const pointerPath = (name: string): string => join(folder, name, 'active.json')
  const slotFolder = (name: string, slot: Slot): string => join(folder, name, slot)

  const pointer = async (name: string): Promise<SlotPointer | null> => {
    const text = await readFile(pointerPath(name), 'utf8').catch(nullIfUnreadable)
    if (text === null) return null
    const parsed = v.safeParse(PointerSchema, safeJson(text))
    return parsed.success ? parsed.output : null
  }
  const write = async (name: string, next: SlotPointer): Promise<void> => {
    await replaceFile(disk, pointerPath(name), new TextEncoder().encode(JSON.stringify(next)))
  }

  return {
    pointer,
    folder: slotFolder,
    occupy: async ({ name, slot, manifest, envelope }) => {
      const target = slotFolder(name, slot)
      await disk.remove(target)
      await disk.makeFolder(target)
      const folders = new Set([target, dirname(target)])
      for (const file of manifest.files) {
        const path = join(target, ...file.path.split('/'))
        await disk.makeFolder(dirname(path))
        for (let up = dirname(path); up !== target; up = dirname(up)) folders.add(up)
        await disk.link(await store.seal(file), path)
      }
      await replaceFile(disk, join(target, 'manifest.dsse.json'), envelope)
      for (const changed of folders) await disk.sync(changed)
    },
    activate: async (name, occupant) => {
      const now = await pointer(name)
      if (now?.active.envelopeSha256 === occupant.envelopeSha256) return
      const previous = committedOccupant(now)
      await write(name, { v: 1, active: occupant, previous, committed: false })
    },
    commit: async (name) => {
      const now = await pointer(name)
      if (now === null || (now.committed && now.previous === null)) return
      await write(name, { v: 1, active: now.active, previous: null, committed: true })
    },
    restore: async (name, { envelopeSha256, damaged }) => {
      const now = await pointer(name)
      if (now?.active.envelopeSha256 !== envelopeSha256 || (now.committed && !damaged)) return
      if (now.previous !== null) {
        await write(name, { v: 1, active: now.previous, previous: null, committed: true })
        return
      }
      await disk.remove(pointerPath(name))
      await disk.sync(join(folder, name))
    },
  }
}

/** What was committed last: what a new version is held against, and what a rollback returns to. */
export function committedOccupant(pointer: SlotPointer | null): Occupant | null {
  if (pointer === null) return null
  return pointer.committed ? pointer.active : pointer.previous
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // A pointer is replaced whole; one that is no JSON was written by something else.
  }
}
