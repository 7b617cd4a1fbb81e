/** Makes signed bundles and answers the device's requests for their pieces, from memory. */
import { measuredFile } from '../../../rollout/bundle/compose.ts'
import { encodeDelta } from '../../../rollout/delta/encode.ts'
import { canonicalBytes } from '../../../shared/canonical.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import type { KeyPair } from '../../../shared/signing/ed25519.ts'
import { signEnvelope } from '../../../shared/signing/envelope.ts'
import { CentreUnreachable, AskRefused, decodeJson, type Ask } from '../../../shared/wire/answer.ts'
import {
  BUNDLE_PAYLOAD_TYPE,
  CHUNK_SIZE_BYTES,
  ChunkRequestSchema,
  type BundleManifest,
} from '../../../shared/wire/bundle.ts'
import { DeltaRequestSchema, type WireDeltaOffer } from '../../../shared/wire/delta.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { DOCUMENTS, wholeManifest } from '../../support/whole-bundle.ts'

export interface Publisher {
  readonly ask: Ask
  /** Requests that were answered, as `sha256:index`. */
  readonly served: string[]
  readonly contents: Map<string, Uint8Array>
  /** Keeps a delta between two files, as its encoder makes it or as somebody damaged it; returns its offer. */
  offerDelta(base: Uint8Array, target: Uint8Array, bytes?: Uint8Array): WireDeltaOffer
  publish(
    files: Readonly<Record<string, Uint8Array>>,
    change?: Partial<BundleManifest>,
    signer?: KeyPair,
  ): DesiredBundle
  /** After that many more answers, nobody answers any more. */
  cutAfter(answers: number): void
}

export function publisher(key: KeyPair): Publisher {
  const contents = new Map<string, Uint8Array>()
  const served: string[] = []
  const offers: WireDeltaOffer[] = []
  let left = Infinity
  return {
    served,
    contents,
    cutAfter: (answers) => {
      left = answers
    },
    ask: async (verb, request) => {
      if (left <= 0) throw new CentreUnreachable('nobody answered', { remedy: 'Wait for the link.' })
      if (verb === 'bundle.deltas') {
        decodeJson(DeltaRequestSchema, request)
        return await Promise.resolve(new TextEncoder().encode(JSON.stringify({ v: 1, offers })))
      }
      const { sha256, index } = decodeJson(ChunkRequestSchema, request)
      left -= 1
      const bytes = contents.get(sha256)
      if (bytes === undefined)
        throw new AskRefused({ code: 'unknown_content', message: 'no such content', remedy: 'Publish it.' })
      served.push(`${sha256}:${index}`)
      return await Promise.resolve(bytes.slice(index * CHUNK_SIZE_BYTES, (index + 1) * CHUNK_SIZE_BYTES))
    },
    offerDelta: (base, target, bytes = encodeDelta(base, target).bytes) => {
      contents.set(sha256Hex(bytes), bytes)
      const offer = {
        baseSha256: sha256Hex(base),
        targetSha256: sha256Hex(target),
        sha256: sha256Hex(bytes),
        sizeBytes: bytes.length,
        chunks: measuredFile('delta', bytes).chunks,
      }
      offers.push(offer)
      return offer
    },
    publish: (files, change = {}, signer = key) => {
      for (const [, bytes] of [...Object.entries(files), ...DOCUMENTS]) contents.set(sha256Hex(bytes), bytes)
      const listed = Object.entries(files).map(([path, bytes]) => measuredFile(path, bytes))
      const manifest = wholeManifest(listed, change)
      const envelope = signEnvelope(BUNDLE_PAYLOAD_TYPE, canonicalBytes(manifest), [signer])
      const bytes = new TextEncoder().encode(JSON.stringify(envelope))
      contents.set(sha256Hex(bytes), bytes)
      return {
        name: manifest.name,
        version: manifest.version,
        envelopeSha256: sha256Hex(bytes),
        envelopeSizeBytes: bytes.length,
      }
    },
  }
}
