/** One batch through the kernel, and what its refusal means for the copy. */
import type { ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import { applyPerformer, applyRequest, type Batch } from './applier.ts'

/** Refused for the moment: by the policy, for want of space. Nothing is lost, and it is tried again. */
export class ContextNotApplied extends StarlingError {
  override readonly code = 'context_not_applied'
}

/** What is here and what the centre changed do not fit: these tables are to be fetched anew. */
export class CopyUnfit extends StarlingError {
  override readonly code = 'copy_unfit'
  readonly tables: readonly ContextTable[]

  constructor(tables: readonly ContextTable[], why: string) {
    super(`the copy does not fit what the centre changed: ${why}`, {
      remedy: 'None is needed: the tables are fetched anew.',
    })
    this.tables = tables
  }
}

/** Failures that lie in the batch or the copy, and not in the moment. */
const UNFIT: ReadonlySet<string> = new Set(['copy_diverged', 'sql_error'])

/** Throws {@link ContextNotApplied}, {@link CopyUnfit}. */
export async function admitBatch(
  batch: Batch,
  {
    kernel,
    principal,
    nowMs,
  }: { readonly kernel: Kernel; readonly principal: Principal; readonly nowMs: number },
): Promise<void> {
  const verdict = await kernel.admit(applyPerformer(batch, nowMs), applyRequest(batch, principal))
  if (verdict.kind === 'performed') return
  const why = verdict.kind === 'denied' ? verdict.reason : verdict.message
  if (verdict.kind === 'failed' && UNFIT.has(verdict.code))
    throw new CopyUnfit(
      batch.steps.map(({ table }) => table),
      why,
    )
  throw new ContextNotApplied(`what the centre sent was not applied: ${why}`, {
    remedy: verdict.kind === 'failed' ? verdict.remedy : 'Permit context.apply to the device in the policy.',
  })
}
