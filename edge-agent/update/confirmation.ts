/**
 * The dead man's hand: a bundle that runs is committed only after the device said in time, with it, that it works. Whatever
 * keeps it from saying so (a hang, a crash, a clock) leads back to the bundle before it, and needs no network.
 */
import { CONFIRM_WITHIN_MS, type InstallState } from '../../rollout/install.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { InstallParts } from './installer.ts'
import { filledSlot } from './slot-facts.ts'

export class ConfirmationFailed extends StarlingError {
  override readonly code = 'confirmation_failed'
}

/** The deadline passed. */
export class ConfirmationOverdue extends StarlingError {
  override readonly code = 'confirmation_overdue'
}

export type Confirming = Extract<InstallState, { kind: 'CONFIRM' }>

/** Throws {@link ConfirmationFailed}, or {@link ConfirmationOverdue} where nothing was heard by the deadline. */
export async function confirmed(
  parts: InstallParts,
  { install, confirmByMs }: Confirming,
  signal: AbortSignal,
  how: 'take up' | 'take up and work',
): Promise<void> {
  const { dir, facts } = await filledSlot(parts, install)
  const leftMs = confirmByMs === null ? CONFIRM_WITHIN_MS : confirmByMs - parts.clock.nowMs()
  // Where the clock was set back, no more time than was granted.
  const deadline = parts.alarm(Math.max(0, Math.min(leftMs, CONFIRM_WITHIN_MS)))
  const both = AbortSignal.any([signal, deadline])
  const hasWayBack = (await parts.slots.pointer(install.name))?.previous !== null
  try {
    await before(both, async () => {
      await parts.trials.confirm(dir, facts, both)
      if (how === 'take up and work' && hasWayBack) await parts.trials.healthy(dir, facts, both)
    })
  } catch (cause) {
    if (signal.aborted) throw cause
    if (deadline.aborted)
      throw new ConfirmationOverdue('nothing was heard of the new bundle by its deadline', {
        remedy: 'The bundle before it runs again. See why the device did not come up with it.',
        cause,
      })
    throw new ConfirmationFailed(`the new bundle did not take up its work: ${reportError(cause).message}`, {
      remedy: 'The bundle before it runs again. Look at the message, then publish a mended one.',
      cause,
    })
  }
}

/** Waits for `work`, or throws the signal's reason: work that hangs must not hold the dead man's hand. */
export async function before(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    work()
      .finally(() => signal.removeEventListener('abort', stop))
      .then(resolve, reject)
  })
}
