/**
 * Deltas towards what is published: from the versions before, file by file, made behind the publishing and one at a time. They
 * are not signed: what a delta makes is held against the signed manifest by whoever applies it.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import * as v from 'valibot'
import { sha256Hex } from '../../shared/digest.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import {
  BundleManifestSchema,
  BundleNameSchema,
  VersionSchema,
  type BundleFile,
} from '../../shared/wire/bundle.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { compareVersions } from '../../rollout/version.ts'
import { atCentre, centrePerformer } from '../performer.ts'
import type { CentreContent } from './content.ts'
import type { DeltaWork, FromDeltaWorker } from './delta-work.ts'
import { keepDelta } from './delta-store.ts'

/** A device that missed more versions fetches a chain, or the file. */
const VERSIONS_BEFORE = 3
/** Below this a file is one piece, and a delta saves no round trip. */
const LEAST_FILE_BYTES = 16 * 1024
/** A delta that saves less is not worth its decoding. */
const MOST_OF_FILE = 0.9

class DeltaFailed extends StarlingError {
  override readonly code = 'delta_failed'
}

const InputSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  baseSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  targetSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Of the delta. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})

/** Performs `bundle.delta`: the delta becomes content, and is offered to devices. */
export function deltaPerformer(
  content: CentreContent,
  delta: Uint8Array,
): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('bundle.delta', InputSchema, async ({ tx }, input) => {
    const { baseSha256, targetSha256, sha256 } = input
    if (sha256Hex(delta) !== sha256)
      throw new DeltaFailed('the delta is not the one that was admitted', {
        remedy: 'Publish the bundle again.',
      })
    const { chunks } = await content.put(delta)
    await keepDelta(tx, { baseSha256, targetSha256, sha256, sizeBytes: delta.length, chunks: [...chunks] })
    return { ...input, sizeBytes: delta.length }
  })
}

export interface DeltaParts {
  readonly kernel: Kernel
  readonly db: Queryable
  readonly content: CentreContent
  readonly log: Log
}

export interface DeltaMaking {
  /** Has the deltas made that lead to each bundle's newest version, unless they are there. */
  wake(): void
  /** What was asked for until now is done. */
  settled(): Promise<void>
  /** Stops what is under way. */
  close(): Promise<void>
}

/** That one could not be made is logged and costs devices bytes, no more: the file itself is there. */
export function openDeltaMaking(parts: DeltaParts): DeltaMaking {
  const stop = new AbortController()
  /** Not made again until the next start: it would come out the same. */
  const tried = new Set<string>()
  let last: Promise<void> = Promise.resolve()
  const round = async (): Promise<void> => {
    for (const wish of await wishes(parts.db)) {
      if (stop.signal.aborted) return
      const key = `${wish.base.sha256} ${wish.target.sha256}`
      if (tried.has(key)) continue
      tried.add(key)
      try {
        await make(parts, wish, stop.signal)
      } catch (thrown) {
        if (stop.signal.aborted) return
        const { code, message } = reportError(thrown)
        parts.log.warn('a delta could not be made', {
          bundle: wish.name,
          file: wish.target.path,
          code,
          message,
        })
      }
    }
  }
  const failed = (thrown: unknown): void =>
    parts.log.warn('deltas could not be looked for', { message: reportError(thrown).message })
  return {
    wake: () => {
      last = last.then(round).catch(failed)
    },
    settled: async () => await last,
    close: async () => {
      stop.abort()
      await last
    },
  }
}

interface Wish {
  readonly name: string
  readonly version: string
  readonly base: BundleFile
  readonly target: BundleFile
}

/** Pairs of files of each bundle's newest version and of those before it, by path, between which there is no delta yet. */
async function wishes(db: Queryable): Promise<readonly Wish[]> {
  const rows = await db.query<{ name: string; version: string; manifest: never }>(
    'select name, version, manifest from centre.bundle',
  )
  const kept = await db.query<{ base_sha256: string; target_sha256: string }>(
    'select base_sha256, target_sha256 from centre.delta',
  )
  const present = new Set(kept.map((row) => `${row.base_sha256} ${row.target_sha256}`))
  const bundles = new Map<string, { readonly version: string; readonly files: readonly BundleFile[] }[]>()
  for (const { name, version, manifest } of rows) {
    const { files } = v.parse(BundleManifestSchema, manifest)
    bundles.set(name, [...(bundles.get(name) ?? []), { version, files }])
  }
  const found: Wish[] = []
  for (const [name, all] of bundles) {
    const [newest, ...before] = all.toSorted((a, b) => compareVersions(b.version, a.version))
    for (const target of newest?.files ?? [])
      for (const { files } of before.slice(0, VERSIONS_BEFORE)) {
        const base = files.find(({ path }) => path === target.path)
        if (base === undefined || base.sha256 === target.sha256 || target.sizeBytes < LEAST_FILE_BYTES)
          continue
        const key = `${base.sha256} ${target.sha256}`
        if (!present.has(key)) found.push({ name, version: newest?.version ?? '', base, target })
        present.add(key)
      }
  }
  return found
}

async function make(parts: DeltaParts, wish: Wish, signal: AbortSignal): Promise<void> {
  const { content, kernel, log } = parts
  const { name, version, base, target } = wish
  const work: DeltaWork = { base: await content.get(base.sha256), target: await content.get(target.sha256) }
  const delta = await inThread(work, signal)
  if (delta.length > target.sizeBytes * MOST_OF_FILE) return
  await atCentre(kernel, deltaPerformer(content, delta), {
    resource: { type: 'bundle', id: `${name} ${version}` },
    input: { name, version, baseSha256: base.sha256, targetSha256: target.sha256, sha256: sha256Hex(delta) },
  })
  log.info(`made a delta for ${target.path} of ${name} ${version}`, {
    deltaBytes: delta.length,
    fileBytes: target.sizeBytes,
  })
}

async function inThread(work: DeltaWork, signal: AbortSignal): Promise<Uint8Array> {
  const worker = new Worker(workerEntry(import.meta.url, './delta.worker.ts'), { workerData: work })
  try {
    const [message] = (await once(worker, 'message', { signal })) as [FromDeltaWorker]
    if (message.kind === 'made') return message.bytes
    throw new DeltaFailed(message.error.message, { remedy: message.error.remedy })
  } finally {
    await worker.terminate()
  }
}
