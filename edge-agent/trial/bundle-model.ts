/** What a bundle's folder holds, opened: its golden inputs have come out when this resolves. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'
import type { Names } from '../context/reads.ts'
import { isSameGraph } from '../domain-build/graph-file.ts'
import { openUnderstanding, type Understanding } from '../intent/understanding.ts'
import { openRecogniser, type Recogniser } from '../speech/recogniser.ts'
import type { BundleFacts } from '../update/slot-facts.ts'

export class BundleUnknown extends StarlingError {
  override readonly code = 'bundle_unknown'
}

export type BundleModel =
  | { readonly kind: 'speech'; readonly opened: Recogniser }
  | { readonly kind: 'understanding'; readonly opened: Understanding }

/** Throws what the parts throw whose files are damaged or compute something else, and {@link BundleUnknown}. */
export async function openBundleModel(
  dir: string,
  facts: BundleFacts | null,
  { signal, threads }: { readonly signal: AbortSignal; readonly threads: number },
): Promise<BundleModel> {
  if (!isSpeech(dir)) return { kind: 'understanding', opened: await openUnderstanding(dir, { signal }) }
  if (facts?.kind === 'domain') throw unknownBundle('it says that it is a domain, and holds a speech model')
  return { kind: 'speech', opened: await openRecogniser({ modelDir: dir, signal, threads }) }
}

const NO_NAMES: Names = { assets: [], parts: [], workOrders: [] }

/** What this version makes of the domain must be what its builder made. Throws {@link BundleUnknown}. */
export function checkGraph(dir: string, understanding: Understanding): void {
  const packed = readFileSync(join(dir, 'graph.json.br'))
  if (isSameGraph(packed, understanding.grammarFor(NO_NAMES).graph)) return
  throw unknownBundle('its graph is not what this version makes of its domain file')
}

export function unknownBundle(why: string): BundleUnknown {
  return new BundleUnknown(`the bundle cannot be used: ${why}`, {
    remedy: 'Build or publish it again with this version of Starling.',
  })
}

function isSpeech(dir: string): boolean {
  if (existsSync(join(dir, 'acoustic.onnx'))) return true
  if (existsSync(join(dir, 'intent.onnx'))) return false
  throw unknownBundle('it holds neither a speech nor an intent model')
}
