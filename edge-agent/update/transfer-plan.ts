/**
 * How each file of a bundle gets here, on the disk: whole, or by a chain of deltas from something that is held. A delta that
 * led nowhere is remembered, so that the next plan does without it.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { planTransfer, type LinkClass, type TransferPlan } from '../../rollout/delta/transfer.ts'
import type { Install } from '../../rollout/install.ts'
import { AskRefused, decodeJson, MalformedMessage, type Ask } from '../../shared/wire/answer.ts'
import type { BundleFile, BundleManifest } from '../../shared/wire/bundle.ts'
import { DeltaAnswerSchema, DeltaOfferSchema, type WireDeltaOffer } from '../../shared/wire/delta.ts'
import type { ContentStore } from '../models-store/content-store.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'
import { nullIfUnreadable } from '../models-store/disk-trouble.ts'

/** By which link the device hangs, and what may travel over it. */
export interface Link {
  readonly linkClass: LinkClass
  /** A full file may go over a metered link. */
  readonly allowsFullOnMetered: boolean
}

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const PlanSchema = v.strictObject({
  v: v.literal(1),
  /** The chain for each file that comes by deltas, by the file's SHA-256; the others come whole. */
  chains: v.record(Hash, v.array(DeltaOfferSchema)),
  /** Deltas that led nowhere, by their own SHA-256. */
  spoiled: v.array(Hash),
})
export type StoredPlan = v.InferOutput<typeof PlanSchema>

export interface MadePlan {
  readonly plan: StoredPlan
  readonly moveBytes: number
  /** What all files that are not held weigh. */
  readonly fullBytes: number
  /** What the disk has to take: what moves, and what is made of it. */
  readonly diskBytes: number
  /** A file that may not travel by this link now. */
  readonly waitsFor: string | null
}

interface PlanParts {
  readonly folder: string
  readonly disk: Disk
  readonly store: ContentStore
  readonly ask: Ask
}

/** Throws `CentreUnreachable` when nobody says which deltas there are. */
export async function makePlan(
  parts: PlanParts,
  of: { readonly install: Install; readonly manifest: BundleManifest; readonly link: Link },
  signal: AbortSignal,
): Promise<MadePlan> {
  const { store } = parts
  const { install, manifest, link } = of
  const spoiled = (await readPlan(parts, install))?.spoiled ?? []
  const offers = (await deltaOffers(parts.ask, install, signal)).filter(
    ({ sha256 }) => !spoiled.includes(sha256),
  )
  const held = await store.held()
  const chains: Record<string, WireDeltaOffer[]> = {}
  let [moveBytes, fullBytes, diskBytes] = [0, 0, 0]
  let waitsFor: string | null = null
  for (const file of manifest.files) {
    const fetchedBytes = await fetchedOf(store, file, offers)
    const plan = planTransfer({
      target: file,
      held,
      offers,
      link: link.linkClass,
      allowsFullOnMetered: link.allowsFullOnMetered,
      fetchedBytes,
    })
    if (plan.kind === 'held') continue
    if (plan.kind === 'wait') waitsFor ??= file.path
    moveBytes += plan.moveBytes
    fullBytes += file.sizeBytes
    diskBytes += plan.moveBytes + madeBytes(plan, file)
    if (plan.kind === 'deltas') chains[file.sha256] = wired(plan, offers)
  }
  return { plan: { v: 1, chains, spoiled: [...spoiled] }, moveBytes, fullBytes, diskBytes, waitsFor }
}

/** Without deltas a bundle comes whole: that the centre knows none, or nothing of them, is no failure. */
async function deltaOffers(
  ask: Ask,
  { envelopeSha256 }: Install,
  signal: AbortSignal,
): Promise<readonly WireDeltaOffer[]> {
  const request = new TextEncoder().encode(JSON.stringify({ v: 1, envelopeSha256 }))
  try {
    return decodeJson(DeltaAnswerSchema, await ask('bundle.deltas', request, signal)).offers
  } catch (thrown) {
    if (thrown instanceof AskRefused || thrown instanceof MalformedMessage) return []
    throw thrown
  }
}

async function fetchedOf(
  store: ContentStore,
  file: BundleFile,
  offers: readonly WireDeltaOffer[],
): Promise<ReadonlyMap<string, number>> {
  const fetched = new Map<string, number>()
  for (const content of [file, ...offers])
    fetched.set(
      content.sha256,
      (await store.find(content)) === null
        ? content.sizeBytes - (await store.missingBytes(content))
        : content.sizeBytes,
    )
  return fetched
}

/** Every delta of a chain makes a file of about the target's size. */
function madeBytes(plan: TransferPlan, file: BundleFile): number {
  return plan.kind === 'deltas' ? plan.chain.length * file.sizeBytes : 0
}

function wired(
  plan: Extract<TransferPlan, { kind: 'deltas' }>,
  offers: readonly WireDeltaOffer[],
): WireDeltaOffer[] {
  return plan.chain.flatMap(({ sha256 }) => offers.filter((offer) => offer.sha256 === sha256).slice(0, 1))
}

/** Null where there is none that can be read: then it is made anew. */
export async function readPlan(
  { folder }: Pick<PlanParts, 'folder'>,
  install: Install,
): Promise<StoredPlan | null> {
  const text = await readFile(planPath(folder, install), 'utf8').catch(nullIfUnreadable)
  let value: unknown = null
  try {
    value = JSON.parse(text ?? 'null')
  } catch {
    // The schema refuses null: the plan counts as missing.
  }
  const parsed = v.safeParse(PlanSchema, value)
  return parsed.success ? parsed.output : null
}

export async function writePlan(
  { folder, disk }: Pick<PlanParts, 'folder' | 'disk'>,
  install: Install,
  plan: StoredPlan,
): Promise<void> {
  await replaceFile(disk, planPath(folder, install), new TextEncoder().encode(JSON.stringify(plan)))
}

export async function removePlan(
  { folder, disk }: Pick<PlanParts, 'folder' | 'disk'>,
  install: Install,
): Promise<void> {
  await disk.remove(planPath(folder, install))
}

function planPath(folder: string, { envelopeSha256 }: Install): string {
  return join(folder, 'plans', `${envelopeSha256}.json`)
}
