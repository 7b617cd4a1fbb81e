/** What is done to a fabric in one run: a plan made from the seed alone. */
import { seeded } from '../../shared/seeded.ts'

export const FAULTS = [
  'kill_agent',
  'kill_leaf',
  'kill_hub',
  'kill_centre',
  'cut_reset',
  'cut_black_hole',
  'agent_disk_full',
  'centre_disk_full',
] as const
export type FaultKind = (typeof FAULTS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Since the fault before. */
  readonly afterMs: number
  /** How long a cut or a full disk lasts. */
  readonly lastsMs: number
}

const LONGEST_PAUSE_MS = 500
const LONGEST_CUT_MS = 900

/** Four to eight faults, most of them kills. */
export function planFaults(seed: number, kinds: readonly FaultKind[] = FAULTS): readonly Fault[] {
  const random = seeded(seed ^ 0x5eed)
  const count = 4 + Math.floor(random() * 5)
  return Array.from({ length: count }, (_, index) => ({
    // The first by turns, so that a hundred seeds meet every kind, whatever the dice say.
    kind: kinds[index === 0 ? seed % kinds.length : Math.floor(random() * kinds.length)] ?? 'kill_agent',
    afterMs: 50 + Math.floor(random() * LONGEST_PAUSE_MS),
    lastsMs: 100 + Math.floor(random() * LONGEST_CUT_MS),
  }))
}
