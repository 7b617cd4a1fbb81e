/** Releases over the API: what is published, and publishing a bundle's files. */
import * as v from 'valibot'
import { versionOf } from '../../rollout/bundle/folder.ts'
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import {
  BundleNameSchema,
  BundlePathSchema,
  MAX_BUNDLE_FILES,
  VersionSchema,
} from '../../shared/wire/bundle.ts'
import { originAt, originsByDigest } from '../release/origin.ts'
import { publishPerformer, type PublishParts } from '../release/publish.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'
import { OriginView } from './origin-view.ts'

/** What one request may carry: a model and what belongs to it. It passes through memory once. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024
export const UPLOAD_PATH = '/api/releases'

export interface ReleaseParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly publishing: PublishParts
  /** What follows a release before it is offered to anybody: its place in the repositories, and the deltas towards it. */
  readonly released: () => Promise<void>
  /** Documents that people have to sign before any device installs it. */
  readonly awaiting: () => Promise<readonly string[]>
}

const UploadSchema = v.object({
  name: BundleNameSchema,
  held: v.optional(v.picklist(['true', 'false']), 'false'),
  /** Each named by its path in the bundle. */
  file: v.pipe(
    v.array(
      v.pipe(
        v.instance(File),
        v.check(({ name }) => v.is(BundlePathSchema, name), 'a bundle path is relative and plain'),
      ),
    ),
    v.minLength(1),
    v.maxLength(MAX_BUNDLE_FILES),
  ),
})

const ReleaseView = v.object({
  name: BundleNameSchema,
  version: VersionSchema,
  held: v.boolean(),
  envelope_sha256: v.string(),
  published_at: v.string(),
  manifest: v.pipe(v.record(v.string(), v.unknown()), v.description('as it was signed')),
})

export function releaseEndpoints(parts: ReleaseParts): readonly Endpoint[] {
  return [listEndpoint(parts), originEndpoint(parts), lineageEndpoint(parts), publishEndpoint(parts)]
}

function listEndpoint({ db }: ReleaseParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/releases',
      tag: 'releases',
      summary: 'What was published, newest first, up to 200.',
      answer: v.object({ releases: v.array(ReleaseView) }),
      refusals: [],
    },
    async () => ({
      releases: await db.query<Omit<v.InferInput<typeof ReleaseView>, 'manifest'> & { manifest: never }>(
        `select name, version, held, envelope_sha256, published_at, manifest from centre.bundle
         order by published_at desc limit 200`,
      ),
    }),
  )
}

function originEndpoint({ db, publishing: { content } }: ReleaseParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/releases/{name}/{version}',
      tag: 'releases',
      summary: 'One release: its models, data and evaluation, and who let it out under which policy.',
      params: v.strictObject({ name: v.string(), version: v.string() }),
      answer: OriginView,
      refusals: [404],
    },
    async ({ params }) => await originAt({ sql: db, content }, params),
  )
}

function lineageEndpoint({ db, publishing: { content } }: ReleaseParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/lineage/{digest}',
      tag: 'releases',
      summary: 'Every release that a digest is of: its envelope, a model as records name it, or a file.',
      params: v.strictObject({
        digest: v.pipe(v.string(), v.description('of a dozen digits or more, from the first')),
      }),
      answer: v.object({ found: v.array(OriginView) }),
      refusals: [404],
    },
    async ({ params: { digest } }) => ({ found: await originsByDigest({ sql: db, content }, digest) }),
  )
}

function publishEndpoint({ kernel, publishing, released, awaiting }: ReleaseParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/releases',
      tag: 'releases',
      summary:
        'Publishes the files of a bundle under the version that they say; a held one is nobody’s usual one.',
      body: UploadSchema,
      bodyType: 'multipart/form-data',
      answer: v.object({
        name: BundleNameSchema,
        version: VersionSchema,
        envelopeSha256: v.string(),
        files: v.number(),
        isNew: v.boolean(),
        held: v.boolean(),
        due: v.pipe(v.array(v.string()), v.description('documents that people have to sign')),
      }),
      status: 201,
      already: 200,
      refusals: [403],
      refuse: (why) =>
        new BundleUnfit(
          'bundle_refused',
          `${why}; a form has "name", "held" and its files as "file", each named by its path`,
        ),
    },
    async ({ body: { name, held, file: given }, principal, context }) => {
      const files = new Map<string, Uint8Array>()
      for (const file of given) files.set(file.name, new Uint8Array(await file.arrayBuffer()))
      const source = { name, version: versionOf(files), held: held === 'true', files }
      const output = await doneAt(kernel)(publishPerformer(publishing, source), {
        resource: { type: 'bundle', id: `${name} ${source.version}` },
        input: { name, version: source.version },
        principal,
      })
      if (output.isNew) await released()
      const answer = { ...output, held: source.held, due: await awaiting() }
      return output.isNew ? answer : context.json(answer, 200)
    },
  )
}
