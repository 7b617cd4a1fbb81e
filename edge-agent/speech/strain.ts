/**
 * How far the recogniser is behind, and what it gives up for it: first partials, then new streams. What it has taken on it
 * always finishes.
 */
export type Strain = 'calm' | 'shedding' | 'refusing'

/** A partial this late helps nobody who is speaking. */
export const SHED_BEHIND_MS = 250
/** Twenty files, each a second ahead, wait about half a second: twice over is more than this machine can follow. */
export const REFUSE_BEHIND_MS = 2_000

/** The next strain when the oldest audio has waited `behindMs`; what was given up comes back at half of what took it away. */
export function nextStrain(strain: Strain, behindMs: number): Strain {
  if (behindMs > REFUSE_BEHIND_MS) return 'refusing'
  if (strain === 'refusing' && behindMs > REFUSE_BEHIND_MS / 2) return 'refusing'
  if (behindMs > SHED_BEHIND_MS) return 'shedding'
  if (strain !== 'calm' && behindMs > SHED_BEHIND_MS / 2) return 'shedding'
  return 'calm'
}
