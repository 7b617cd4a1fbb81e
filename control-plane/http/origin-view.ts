/** Where a release comes from, as the API shows it. */
import * as v from 'valibot'
import { FigureSchema } from '../../rollout/bundle/evaluation.ts'

export const OriginView = v.object({
  name: v.string(),
  version: v.string(),
  environment: v.string(),
  licence: v.string(),
  models: v.array(v.object({ path: v.string(), sha256: v.string() })),
  /** Digests by which records name what runs from it. */
  modelDigests: v.array(v.string()),
  recipe: v.nullable(v.string()),
  datasets: v.array(
    v.object({
      name: v.string(),
      sha256: v.nullable(v.string()),
      use: v.string(),
      licence: v.string(),
      consent: v.string(),
    }),
  ),
  transforms: v.array(v.object({ step: v.string(), tool: v.string() })),
  evaluation: v.nullable(
    v.object({
      heldBack: v.string(),
      sha256: v.string(),
      result: v.string(),
      figures: v.array(FigureSchema),
      incumbent: v.nullable(v.string()),
    }),
  ),
  envelopeSha256: v.string(),
  held: v.boolean(),
  publishedAt: v.string(),
  /** Signed statements by file: content, to be fetched by digest. */
  attestations: v.record(v.string(), v.string()),
  approvals: v.array(
    v.object({
      action: v.string(),
      by: v.string(),
      at: v.string(),
      recordId: v.string(),
      policy: v.object({ version: v.number(), digest: v.string(), rule: v.string() }),
    }),
  ),
})
