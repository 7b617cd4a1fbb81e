/** Releases over the API: what is published, and publishing a bundle's files. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { BundleNameSchema, BundlePathSchema, MAX_BUNDLE_FILES } from '../../shared/wire/bundle.ts'
import { atCentre } from '../performer.ts'
import { cardOf } from '../release/card.ts'
import { BundleRefused, publishPerformer, type BundleSource, type PublishParts } from '../release/publish.ts'
import type { Caller } from './access.ts'

/** What one request may carry: a model and what belongs to it. It passes through memory once. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024
export const UPLOAD_PATH = '/api/releases'

export interface ReleaseParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly publishing: PublishParts
}

const FileSchema = v.strictObject({ path: BundlePathSchema, file: v.instance(File) })
const UploadSchema = v.strictObject({
  name: BundleNameSchema,
  held: v.picklist(['true', 'false']),
  files: v.pipe(v.array(FileSchema), v.minLength(1), v.maxLength(MAX_BUNDLE_FILES)),
})

export function releaseRoutes({ db, kernel, publishing }: ReleaseParts): Hono<Caller> {
  const app = new Hono<Caller>()
  app.get('/releases', async (context) => {
    const releases = await db.query(
      `select name, version, held, envelope_sha256, published_at, manifest from centre.bundle
       order by published_at desc limit 200`,
    )
    return context.json({ releases })
  })
  app.post('/releases', async (context) => {
    const upload = uploadOf(await context.req.raw.formData().catch(() => null))
    const folder = await mkdtemp(join(tmpdir(), 'starling-release-'))
    try {
      for (const { path, file } of upload.files) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), new Uint8Array(await file.arrayBuffer()))
      }
      const source = sourceOf(upload, folder)
      const { output } = await atCentre(kernel, publishPerformer(publishing, source), {
        resource: { type: 'bundle', id: `${source.name} ${source.version}` },
        input: { name: source.name, version: source.version },
        principal: context.get('principal'),
      })
      return context.json({ ...output, held: source.held === true }, output.isNew ? 201 : 200)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
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
  throw new BundleRefused(`the bundle was not published: ${describeIssues(parsed.issues)}`, {
    remedy: 'Send a form with "name", "held" and each file as "file", named by its path inside the bundle.',
  })
}

function sourceOf({ name, held, files }: v.InferOutput<typeof UploadSchema>, folder: string): BundleSource {
  const { version, card, kind } = cardOf(join(folder, 'card.json'))
  return {
    name,
    ...(kind === undefined ? {} : { kind }),
    version,
    held: held === 'true',
    folders: [{ path: folder, prefix: '' }],
    golden: files.some(({ path }) => path === 'golden.json') ? ['golden.json'] : [],
    card,
    minimalRuntime: '0.1.0',
  }
}
