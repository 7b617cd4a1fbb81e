/** Releases over the API: what is published, and publishing a bundle's files. */
import { Hono } from 'hono'
import * as v from 'valibot'
import { versionOf } from '../../rollout/bundle/folder.ts'
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { BundleNameSchema, BundlePathSchema, MAX_BUNDLE_FILES } from '../../shared/wire/bundle.ts'
import { atCentre } from '../performer.ts'
import { originAt, originsByDigest } from '../release/origin.ts'
import { publishPerformer, type PublishParts } from '../release/publish.ts'
import type { Caller } from './access.ts'

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

const FileSchema = v.strictObject({ path: BundlePathSchema, file: v.instance(File) })
const UploadSchema = v.strictObject({
  name: BundleNameSchema,
  held: v.picklist(['true', 'false']),
  files: v.pipe(v.array(FileSchema), v.minLength(1), v.maxLength(MAX_BUNDLE_FILES)),
})

export function releaseRoutes({ db, kernel, publishing, released, awaiting }: ReleaseParts): Hono<Caller> {
  const app = new Hono<Caller>()
  app.get('/releases', async (context) => {
    const releases = await db.query(
      `select name, version, held, envelope_sha256, published_at, manifest from centre.bundle
       order by published_at desc limit 200`,
    )
    return context.json({ releases })
  })
  const ground = { sql: db, content: publishing.content }
  app.get('/releases/:name/:version', async (context) => {
    const { name, version } = context.req.param()
    return context.json(await originAt(ground, { name, version }))
  })
  app.get('/lineage/:digest', async (context) =>
    context.json({ found: await originsByDigest(ground, context.req.param('digest')) }),
  )
  app.post('/releases', async (context) => {
    const upload = uploadOf(await context.req.raw.formData().catch(() => null))
    const { name, held } = upload
    const files = new Map<string, Uint8Array>()
    for (const { path, file } of upload.files) files.set(path, new Uint8Array(await file.arrayBuffer()))
    const source = { name, version: versionOf(files), held: held === 'true', files }
    const { output } = await atCentre(kernel, publishPerformer(publishing, source), {
      resource: { type: 'bundle', id: `${name} ${source.version}` },
      input: { name, version: source.version },
      principal: context.get('principal'),
    })
    if (output.isNew) await released()
    const due = await awaiting()
    return context.json({ ...output, held: source.held, due }, output.isNew ? 201 : 200)
  })
  return app
}

function uploadOf(form: FormData | null): v.InferOutput<typeof UploadSchema> {
  const parsed = v.safeParse(UploadSchema, {
    name: form?.get('name'),
    held: form?.get('held') ?? 'false',
    files: [...(form?.entries() ?? [])].flatMap(([field, file]) =>
      field === 'file' && file instanceof File ? [{ path: file.name, file }] : [],
    ),
  })
  if (parsed.success) return parsed.output
  throw new BundleUnfit(
    'bundle_refused',
    `${describeIssues(parsed.issues)}; a form has "name", "held" and each file as "file", named by its path`,
  )
}
