/** What the harness hands to a copy's process. */
import * as v from 'valibot'

/** The row that is changed last in each round: who has it was told of all the others. */
export const MARKER = 'zz-marker'

export const CopySetup = v.strictObject({
  kind: v.picklist(['starling', 'pglite-sync']),
  dir: v.string(),
  url: v.string(),
  tenant: v.string(),
  device: v.string(),
  key: v.string(),
})
export type CopySetup = v.InferOutput<typeof CopySetup>
