/**
 * Which bytes to move so that a device gets a file: a chain of deltas from something that it holds, or the file itself.
 * The fewest bytes win; on a metered link the full file waits unless the policy says that it may go.
 */

/** A delta that the centre keeps; it is not signed, since what it makes is held against the signed manifest. */
export interface DeltaOffer {
  readonly baseSha256: string
  readonly targetSha256: string
  /** SHA-256 of the delta itself: the content to fetch. */
  readonly sha256: string
  readonly sizeBytes: number
}

export type LinkClass = 'metered' | 'unmetered'

export interface TransferGround {
  readonly target: { readonly sha256: string; readonly sizeBytes: number }
  /** SHA-256 of every file that the device holds whole. */
  readonly held: ReadonlySet<string>
  readonly offers: readonly DeltaOffer[]
  readonly link: LinkClass
  /** What the policy says. */
  readonly allowsFullOnMetered: boolean
  /** Bytes of a content that came already, by its SHA-256: an interrupted transfer is worth going on with. */
  readonly fetchedBytes?: ReadonlyMap<string, number>
}

export type TransferPlan =
  | { readonly kind: 'held' }
  /** Fetch these in order, each made from what the one before gave. */
  | { readonly kind: 'deltas'; readonly chain: readonly DeltaOffer[]; readonly moveBytes: number }
  | { readonly kind: 'full'; readonly moveBytes: number }
  | { readonly kind: 'wait'; readonly reason: 'full_file_on_metered_link'; readonly moveBytes: number }

/** Each further delta costs a decoding and room for one more file; the centre keeps those of three versions. */
export const MAX_CHAIN = 3
/** More offers than three versions of the largest bundle have are not looked at. */
export const MAX_OFFERS = 1_024

export function planTransfer(ground: TransferGround): TransferPlan {
  const { target, held, link, allowsFullOnMetered } = ground
  if (held.has(target.sha256)) return { kind: 'held' }
  const fullBytes = remaining(ground, target)
  const chain = cheapestChain(ground)
  const chainBytes = chain === null ? Number.POSITIVE_INFINITY : bytesOf(ground, chain)
  if (chain !== null && chainBytes < fullBytes) return { kind: 'deltas', chain, moveBytes: chainBytes }
  if (link === 'metered' && !allowsFullOnMetered)
    return { kind: 'wait', reason: 'full_file_on_metered_link', moveBytes: fullBytes }
  return { kind: 'full', moveBytes: fullBytes }
}

/** Shortest path over at most {@link MAX_CHAIN} offers, backwards from the target (Bellman and Ford, a round a hop). */
function cheapestChain(ground: TransferGround): readonly DeltaOffer[] | null {
  const offers = ground.offers.slice(0, MAX_OFFERS)
  let reached = new Map<string, readonly DeltaOffer[]>([[ground.target.sha256, []]])
  for (let hop = 0; hop < MAX_CHAIN; hop += 1) {
    const next = new Map(reached)
    for (const offer of offers) {
      const rest = reached.get(offer.targetSha256)
      if (rest === undefined) continue
      const chain = [offer, ...rest]
      const known = next.get(offer.baseSha256)
      if (known === undefined || bytesOf(ground, chain) < bytesOf(ground, known))
        next.set(offer.baseSha256, chain)
    }
    reached = next
  }
  let best: readonly DeltaOffer[] | null = null
  for (const [base, chain] of reached)
    if (ground.held.has(base) && (best === null || bytesOf(ground, chain) < bytesOf(ground, best)))
      best = chain
  return best
}

function bytesOf(ground: TransferGround, chain: readonly DeltaOffer[]): number {
  return chain.reduce((sum, offer) => sum + remaining(ground, offer), 0)
}

function remaining(
  { fetchedBytes }: TransferGround,
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
): number {
  return Math.max(0, sizeBytes - (fetchedBytes?.get(sha256) ?? 0))
}
