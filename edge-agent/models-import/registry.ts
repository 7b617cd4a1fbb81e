/** What models this installation has, by what policies select on: class, licence, residency, source; and which one is dictated to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { FILES_ABOUT } from '../../rollout/bundle/unsigned-files.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { openContentStore } from '../models-store/content-store.ts'
import { realDisk, replaceFile } from '../models-store/disk.ts'
import { openSlots } from '../models-store/slots.ts'
import {
  filesDigest,
  MODEL_NAME,
  NO_LICENCE_SAID,
  type ModelCard,
  type ModelClass,
} from '../neural/model-card.ts'
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
  /** Released: it is the active bundle. Imported: dictation or search goes to it, or it tells when somebody speaks. Shipped: search does. */
  readonly active: boolean
  /** Why it cannot be used; null when nothing is known against it. */
  readonly problem: string | null
}

const CardSchema = v.object({ name: v.string(), version: v.string(), licence: v.optional(v.string()) })
const BUNDLES = ['speech', 'intent'] as const
/** What lies in the package: search runs its model from there. */
const SHIPPED = [...BUNDLES, 'embedding'] as const
type Shipped = (typeof SHIPPED)[number]
const CLASSES: Readonly<Record<Shipped, ModelClass>> = {
  speech: 'acoustic',
  intent: 'intent',
  embedding: 'embedding',
}

/** The folder of a device's imported models, under its data. */
export function importedFolder(deviceData: string): string {
  return join(deviceData, 'imported')
}

export async function listModels(deviceData: string): Promise<readonly RegisteredModel[]> {
  return [
    ...SHIPPED.map((bundle) =>
      described(fileURLToPath(MODEL_FOLDERS[bundle]), {
        bundle,
        source: 'shipped',
        active: bundle === 'embedding' && searchModel(importedFolder(deviceData)) === null,
      }),
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
  return choiceIn(join(folder, CHOICE))
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
const SEARCH_CHOICE = 'search'
const VOICE_CHOICE = 'voice'

export type ModelPurpose = 'dictation' | 'search' | 'voice'

/** The imported embedding model that search uses; null for the shipped one. */
export function searchModel(folder: string): string | null {
  return choiceIn(join(folder, SEARCH_CHOICE))
}

/** Throws {@link ModelUnknown} for one that is not there or is no embedding model. */
export async function chooseSearch(folder: string, name: string | null): Promise<void> {
  const path = join(folder, SEARCH_CHOICE)
  if (name === null) return await realDisk.remove(path)
  if (cardOf(folder, name).class !== 'embedding')
    throw new ModelUnknown(`${name} is no embedding model`, {
      remedy: 'Choose a model of the class embedding: see `starling models list`.',
    })
  await replaceFile(realDisk, path, new TextEncoder().encode(`${name}\n`))
}

/** The folder of the imported model that tells when somebody speaks; null for none, and for one that was deleted since. */
export function voiceModel(folder: string): string | null {
  const name = choiceIn(join(folder, VOICE_CHOICE))
  if (name === null) return null
  const dir = join(folder, name)
  return existsSync(join(dir, 'card.json')) ? dir : null
}

/** Throws {@link ModelUnknown} for one that is not there or tells no speech from silence. */
export async function chooseVoice(folder: string, name: string | null): Promise<void> {
  const path = join(folder, VOICE_CHOICE)
  if (name === null) return await realDisk.remove(path)
  if (cardOf(folder, name).class !== 'vad')
    throw new ModelUnknown(`${name} is no voice activity model`, {
      remedy: 'Choose a model of the class vad: see `starling models list`.',
    })
  await replaceFile(realDisk, path, new TextEncoder().encode(`${name}\n`))
}

/** What the model of that name can be chosen for. Throws {@link ModelUnknown}. */
export function purposeOf(folder: string, name: string): ModelPurpose {
  const { class: kind } = cardOf(folder, name)
  if (kind === 'embedding') return 'search'
  return kind === 'vad' ? 'voice' : 'dictation'
}

function choiceIn(path: string): string | null {
  if (!existsSync(path)) return null
  const name = readFileSync(path, 'utf8').trim()
  return MODEL_NAME.test(name) ? name : null
}

function cardOf(folder: string, name: string): ModelCard {
  const dir = join(folder, name)
  if (!MODEL_NAME.test(name) || !existsSync(join(dir, 'card.json')))
    throw new ModelUnknown(`no model is imported under the name ${JSON.stringify(name.slice(0, 80))}`, {
      remedy: 'See `starling models list`; bring one in with `starling models import FILE…`.',
    })
  return readCard(dir)
}

/** Throws {@link ModelUnknown}. */
export function modelDir(folder: string, name: string): string {
  const { class: kind } = cardOf(folder, name)
  if (kind === 'vad' || kind === 'embedding')
    throw new ModelUnknown(
      `${name} ${kind === 'vad' ? 'tells speech from silence and' : 'compares texts and'} recognises no words`,
      { remedy: 'Choose a model of the class ctc or transducer: see `starling models list`.' },
    )
  return join(folder, name)
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
    readonly bundle: Shipped
    readonly source: 'shipped' | 'released'
    readonly active: boolean
  },
): RegisteredModel {
  const { name, version, licence } = cardIn(dir)
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !FILES_ABOUT.includes(entry.name))
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
  const chosen = [dictationModel(folder), searchModel(folder), choiceIn(join(folder, VOICE_CHOICE))]
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && MODEL_NAME.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .map((name) => importedModel(folder, name, chosen.includes(name)))
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
