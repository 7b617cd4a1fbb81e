/** Carries a plan out: brings deltas and files, and makes of the deltas the files that the manifest names. */
import { open, type FileHandle } from 'node:fs/promises'
import { decodeDelta } from '../../rollout/delta/decode.ts'
import { MAX_HEAD_BYTES, readHead } from '../../rollout/delta/envelope.ts'
import type { RandomAccess } from '../../rollout/delta/random-access.ts'
import { DeltaRefused } from '../../rollout/delta/refused.ts'
import type { Install } from '../../rollout/install.ts'
import { StarlingError } from '../../shared/errors.ts'
import { AskRefused, type Ask } from '../../shared/wire/answer.ts'
import type { BundleFile, BundleManifest } from '../../shared/wire/bundle.ts'
import type { WireDeltaOffer } from '../../shared/wire/delta.ts'
import { ContentMismatch, type ContentStore } from '../models-store/content-store.ts'
import type { Disk } from '../models-store/disk.ts'
import type { SitePieces } from '../site/site-pieces.ts'
import { fetchContent } from './fetch.ts'
import { readPlan, writePlan, type StoredPlan } from './transfer-plan.ts'

interface TransferParts {
  readonly folder: string
  readonly disk: Disk
  readonly store: ContentStore
  readonly ask: Ask
  readonly site: SitePieces | null
  readonly onPoisoned: (cause: ContentMismatch) => void
}

interface Planned {
  readonly install: Install
  readonly manifest: BundleManifest
}

/** A delta led nowhere, or no plan can be read: it is to be planned again, and now without that delta. */
export class PlanSpoiled extends StarlingError {
  override readonly code = 'plan_spoiled'
}

/** Fetches what the plan says, each piece verified as it comes, and none twice. Throws {@link PlanSpoiled}. */
export async function fetchPlanned(parts: TransferParts, of: Planned, signal: AbortSignal): Promise<void> {
  const plan = await planOf(parts, of.install)
  for (const file of of.manifest.files) {
    if ((await parts.store.find(file)) !== null) continue
    const chain = plan.chains[file.sha256]
    if (chain === undefined) await fetchContent(parts, file, signal)
    else for (const offer of chain) await fetchDelta(parts, { install: of.install, plan, offer }, signal)
  }
}

async function fetchDelta(
  parts: TransferParts,
  of: { readonly install: Install; readonly plan: StoredPlan; readonly offer: WireDeltaOffer },
  signal: AbortSignal,
): Promise<void> {
  try {
    await fetchContent(parts, of.offer, signal)
  } catch (thrown) {
    // A delta is a shorter way and no more: whatever is wrong with it, there is the file itself.
    if (thrown instanceof ContentMismatch || thrown instanceof AskRefused)
      throw await spoiled(parts, of, thrown)
    throw thrown
  }
}

/** Makes every file of the manifest from what was fetched. Throws {@link PlanSpoiled}. */
export async function assemblePlanned(parts: TransferParts, of: Planned, signal: AbortSignal): Promise<void> {
  const plan = await planOf(parts, of.install)
  for (const file of of.manifest.files) {
    if ((await parts.store.find(file)) !== null) continue
    const chain = plan.chains[file.sha256]
    if (chain === undefined) await parts.store.seal(file)
    else await assemble(parts, { install: of.install, plan, file, chain }, signal)
  }
}

async function assemble(
  parts: TransferParts,
  of: {
    readonly install: Install
    readonly plan: StoredPlan
    readonly file: BundleFile
    readonly chain: readonly WireDeltaOffer[]
  },
  signal: AbortSignal,
): Promise<void> {
  for (const offer of of.chain)
    try {
      await decode(parts, { offer, file: of.file }, signal)
    } catch (thrown) {
      if (thrown instanceof DeltaRefused || thrown instanceof ContentMismatch)
        throw await spoiled(parts, { ...of, offer }, thrown)
      throw thrown
    }
}

/** One hop of a chain: its last one has to make the very file that the manifest names. */
async function decode(
  { store }: TransferParts,
  { offer, file }: { readonly offer: WireDeltaOffer; readonly file: BundleFile },
  signal: AbortSignal,
): Promise<void> {
  const [basePath, deltaPath] = [await store.find({ sha256: offer.baseSha256 }), await store.find(offer)]
  if (basePath === null || deltaPath === null)
    throw new DeltaRefused('wrong_base', 'the delta, or the file that it was made from, is no longer here')
  const base = await open(basePath, 'r')
  const delta = await open(deltaPath, 'r')
  try {
    const [from, bytes] = [await readable(base), await readable(delta)]
    const target = offer.targetSha256 === file.sha256 ? file : await targetOf(bytes, offer)
    await store.write(target, decodeDelta({ base: from, delta: bytes, target, signal }))
  } finally {
    await base.close()
    await delta.close()
  }
}

/** What a delta in the middle of a chain makes, by its own word: it is held against its hash, and no manifest names its size. */
async function targetOf(
  delta: RandomAccess,
  { targetSha256 }: WireDeltaOffer,
): Promise<{ readonly sha256: string; readonly sizeBytes: number; readonly chunks: readonly string[] }> {
  const head = new Uint8Array(Math.min(MAX_HEAD_BYTES, delta.sizeBytes))
  await delta.read(0, head)
  return { sha256: targetSha256, sizeBytes: readHead(head).target.sizeBytes, chunks: [] }
}

async function readable(file: FileHandle): Promise<RandomAccess> {
  const { size } = await file.stat()
  return {
    sizeBytes: size,
    read: async (offset, into) => {
      const { bytesRead } = await file.read(into, 0, into.length, offset)
      if (bytesRead < into.length) throw new DeltaRefused('out_of_range', 'it reads past the end of a file')
    },
  }
}

async function planOf(parts: TransferParts, install: Install): Promise<StoredPlan> {
  const plan = await readPlan(parts, install)
  if (plan === null) throw new PlanSpoiled('how to fetch it is no longer known', { remedy: REMEDY })
  return plan
}

const REMEDY = 'Nothing needs to be done: it is planned again, with another delta or the full file.'

async function spoiled(
  parts: TransferParts,
  of: { readonly install: Install; readonly plan: StoredPlan; readonly offer: WireDeltaOffer },
  cause: StarlingError,
): Promise<PlanSpoiled> {
  const { plan, offer } = of
  await writePlan(parts, of.install, { ...plan, spoiled: [...plan.spoiled, offer.sha256] })
  return new PlanSpoiled(`the delta ${offer.sha256} led nowhere: ${cause.message}`, { remedy: REMEDY, cause })
}
