/** What models this installation has, by what policies select on: class, licence, residency, source; and which one is dictated to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { openContentStore } from '../models-store/content-store.ts'
import { realDisk, replaceFile } from '../models-store/disk.ts'
import { openSlots } from '../models-store/slots.ts'
import { filesDigest, MODEL_NAME, NO_LICENCE_SAID, type ModelClass } from '../neural/model-card.ts'
import { fileSha256, readCard } from '../neural/model-folder.ts'

export class ModelUnknown extends StarlingError {
  override readonly code = 'model_unknown'
}

export interface RegisteredModel {
  readonly name: string
  readonly version: string | null
  readonly class: ModelClass
  readonly licence: string
  readonly residency: ModelTraits['residency']
  /** `shipped` lies in this version of Starling; a device runs what was `released` to it, or `imported` on it. */
  readonly source: 'shipped' | ModelTraits['source']
  /** Which contract it keeps. */
  readonly contract: string
  /** SHA-256 over the digests of its files. */
  readonly digest: string
  /** Released: it is the active bundle. Imported: it is what dictation goes to. */
  readonly active: boolean
  /** Why it cannot be used; null when nothing is known against it. */
  readonly problem: string | null
}

const CardSchema = v.object({ name: v.string(), version: v.string(), licence: v.optional(v.string()) })
const BUNDLES = ['speech', 'intent'] as const
const CLASSES: Readonly<Record<(typeof BUNDLES)[number], ModelClass>> = {
  speech: 'acoustic',
  intent: 'intent',
}

/** The folder of a device's imported models, under its data. */
export function importedFolder(deviceData: string): string {
  return join(deviceData, 'imported')
}

export async function listModels(deviceData: string): Promise<readonly RegisteredModel[]> {
  return [
    ...BUNDLES.map((bundle) =>
      described(fileURLToPath(MODEL_FOLDERS[bundle]), { bundle, source: 'shipped', active: false }),
    ),
    ...(await released(join(deviceData, 'models'))),
    ...imported(importedFolder(deviceData)),
  ]
}

/** Class and licence of a bundle's model, for routes and policies. */
export function traitsOf(dir: string, bundle: (typeof BUNDLES)[number]): ModelTraits {
  const { licence } = cardIn(dir)
  return { class: CLASSES[bundle], licence, residency: 'device', source: 'released' }
}

/** The imported model that transcription goes to when none is named; null for the released one. */
export function dictationModel(folder: string): string | null {
  const path = join(folder, CHOICE)
  if (!existsSync(path)) return null
  const name = readFileSync(path, 'utf8').trim()
  return MODEL_NAME.test(name) ? name : null
}

/** Throws {@link ModelUnknown} for one that is not there or that recognises no speech. */
export async function chooseDictation(folder: string, name: string | null): Promise<void> {
  const path = join(folder, CHOICE)
  if (name === null) {
    await realDisk.remove(path)
    return
  }
  modelDir(folder, name)
  await replaceFile(realDisk, path, new TextEncoder().encode(`${name}\n`))
}

const CHOICE = 'dictation'

/** Throws {@link ModelUnknown}. */
export function modelDir(folder: string, name: string): string {
  const dir = join(folder, name)
  if (!MODEL_NAME.test(name) || !existsSync(join(dir, 'card.json')))
    throw new ModelUnknown(`no model is imported under the name ${JSON.stringify(name.slice(0, 80))}`, {
      remedy: 'See `starling models list`; bring one in with `starling models import FILE…`.',
    })
  if (readCard(dir).class === 'vad')
    throw new ModelUnknown(`${name} tells speech from silence and recognises no words`, {
      remedy: 'Choose a model of the class ctc or transducer: see `starling models list`.',
    })
  return dir
}

async function released(folder: string): Promise<readonly RegisteredModel[]> {
  const store = openContentStore(join(folder, 'content'), realDisk)
  const slots = openSlots(join(folder, 'slots'), store, realDisk)
  const found: RegisteredModel[] = []
  for (const bundle of BUNDLES) {
    const pointer = await slots.pointer(bundle)
    if (pointer === null) continue
    const { active, previous } = pointer
    for (const occupant of [active, ...(previous === null ? [] : [previous])])
      found.push(
        described(slots.folder(bundle, occupant.slot), {
          bundle,
          source: 'released',
          active: occupant === active,
        }),
      )
  }
  return found
}

function described(
  dir: string,
  facts: {
    readonly bundle: (typeof BUNDLES)[number]
    readonly source: 'shipped' | 'released'
    readonly active: boolean
  },
): RegisteredModel {
  const { name, version, licence } = cardIn(dir)
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'manifest.dsse.json')
    .map(({ name: file, parentPath }) => ({ file, sha256: fileSha256(join(parentPath, file)) }))
  return {
    name,
    version,
    class: CLASSES[facts.bundle],
    licence,
    residency: 'device',
    source: facts.source,
    contract: `starling-${facts.bundle}`,
    digest: filesDigest(files),
    active: facts.active,
    problem: null,
  }
}

function cardIn(dir: string): { readonly name: string; readonly version: string; readonly licence: string } {
  const card = v.parse(CardSchema, JSON.parse(readFileSync(join(dir, 'card.json'), 'utf8')))
  return { ...card, licence: card.licence ?? NO_LICENCE_SAID }
}

function imported(folder: string): readonly RegisteredModel[] {
  if (!existsSync(folder)) return []
  const chosen = dictationModel(folder)
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && MODEL_NAME.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .map((name) => importedModel(folder, name, name === chosen))
}

function importedModel(folder: string, name: string, active: boolean): RegisteredModel {
  const {
    class: modelClass,
    licence,
    residency,
    source,
    contract,
    digest,
    says,
  } = readCard(join(folder, name))
  return {
    name,
    version: says['version'] ?? null,
    class: modelClass,
    licence,
    residency,
    source,
    contract,
    digest,
    active,
    problem: null,
  }
}
