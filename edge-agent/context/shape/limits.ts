/** How patient a reader of shapes is. */

/** The first pause after a failure; each further one doubles it. */
export const FIRST_PAUSE_MS = 250
/** The longest pause after an answer that was none. */
export const LONGEST_PAUSE_MS = 30_000
/** The longest pause while nobody answers: asking costs little then, and who comes back is heard soon. */
export const LONGEST_SILENCE_MS = 2_000
/** The first pause of one who is refused: its clock may be about to be put right. */
export const FIRST_DENIED_PAUSE_MS = 1_500
/** A device that stays shut out, or whose version is not served, asks rarely: only an operator can mend that. */
export const DENIED_PAUSE_MS = 300_000
/** A first call to start again is usual, and a second may be a race; more without an answer between is a fault of the centre. */
export const MAX_REFETCHES = 5
/** How long the centre is left alone that only ever says to start again. */
export const REFETCH_PAUSE_MS = 120_000
/** A cache that was asked to step aside so often does not. */
export const MAX_STALE = 3
/** A held request that is answered sooner and without news was not held. */
export const HELD_AT_LEAST_MS = 500
/** So many in a row are nobody's chance. */
export const MAX_QUICK = 5
export const QUICK_PAUSE_MS = 20_000
