/** The two repositories over the API: how they stand, what people have to sign, and what they signed, handed in. */
import * as v from 'valibot'
import { TOP_LEVEL_ROLES } from '../../rollout/tuf/delegations.ts'
import { keyDocument } from '../../rollout/tuf/documents.ts'
import type { NewFile } from '../../rollout/tuf/publication.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { REPOSITORIES } from '../../shared/wire/repository.ts'
import { handInPerformer, MAX_HANDED_IN } from '../release/repositories/hand-in.ts'
import { newestKey, onlineKeyPerformer } from '../release/repositories/online-key.ts'
import { dueDocuments, publishedFiles, repositoryStates } from '../release/repositories/overview.ts'
import type { Repositories } from '../release/repositories/repositories.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

export interface RepositoryApiParts {
  readonly repositories: Pick<Repositories, 'parts' | 'alone'>
  /** What devices may install is otherwise now: tells them to look again. */
  desiredMoved(): Promise<void>
}

/** What one request with metadata may carry, bytes: a year of releases, base64. */
export const MAX_HAND_IN_BYTES = 16 * 1024 * 1024
export const HAND_IN_PATHS: readonly string[] = REPOSITORIES.map((name) => `/api/repositories/${name}`)

const Repository = v.strictObject({ repository: v.picklist(REPOSITORIES) })
const Role = v.picklist(TOP_LEVEL_ROLES)
const File = v.object({ name: v.string(), bytes: v.pipe(v.string(), v.description('base64')) })
const Files = v.object({ files: v.array(File) })

const State = v.object({
  repository: v.picklist(REPOSITORIES),
  root: v.nullable(
    v.object({
      version: v.number(),
      expiresAt: v.string(),
      signers: v.array(v.object({ role: Role, keys: v.number(), threshold: v.number() })),
    }),
  ),
  roles: v.array(v.object({ role: v.string(), version: v.number(), expiresAt: v.string() })),
  due: v.pipe(v.array(v.string()), v.description('documents that people have to sign')),
  problem: v.nullable(v.picklist(['repository_missing', 'root_expired', 'online_key_missing'])),
  onlineKeys: v.array(v.object({ role: Role, keyId: v.string(), named: v.boolean() })),
})

export function repositoryEndpoints(parts: RepositoryApiParts): readonly Endpoint[] {
  return [...reads(parts), handInEndpoint(parts), keyEndpoint(parts)]
}

function reads({ repositories: { parts } }: RepositoryApiParts): readonly Endpoint[] {
  const common = { method: 'get', tag: 'repositories' } as const
  return [
    endpoint(
      {
        ...common,
        path: '/repositories',
        summary: 'How the image repository and the director stand.',
        answer: v.object({ environment: v.string(), repositories: v.array(State) }),
        refusals: [],
      },
      async () => ({
        environment: parts.environment,
        repositories: structuredClone(await repositoryStates(parts)) as v.InferInput<typeof State>[],
      }),
    ),
    endpoint(
      {
        ...common,
        path: '/repositories/image/due',
        summary: 'The documents that people have to sign so that every release can be installed.',
        answer: Files,
        refusals: [422],
      },
      async () => ({ files: encoded(await dueDocuments(parts)) }),
    ),
    endpoint(
      {
        ...common,
        path: '/repositories/{repository}/files',
        summary: 'Every root, and the newest metadata that people signed.',
        params: Repository,
        answer: Files,
        refusals: [422],
      },
      async ({ params }) => ({ files: encoded(await publishedFiles(parts, params.repository)) }),
    ),
  ]
}

function handInEndpoint(api: RepositoryApiParts): Endpoint {
  const { repositories } = api
  const { parts } = repositories
  return endpoint(
    {
      method: 'post',
      path: '/repositories/{repository}',
      tag: 'repositories',
      summary:
        'Takes signed roots, and signed metadata of what exists; serves them where every device would take them.',
      params: Repository,
      body: v.strictObject({
        files: v.pipe(
          v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]+={0,2}$/))),
          v.minLength(1),
          v.maxLength(MAX_HANDED_IN),
        ),
      }),
      answer: v.object({ repository: v.string(), serves: v.array(v.string()) }),
      status: 201,
      refusals: [403, 409, 422],
    },
    async ({ params: { repository }, body, principal }) => {
      const files = body.files.map((text) => new Uint8Array(Buffer.from(text, 'base64')))
      const taken = await repositories.alone(
        async () =>
          await doneAt(parts.kernel)(handInPerformer(parts, files), {
            resource: { type: 'repository', id: repository },
            input: { repository, files: files.map(sha256Hex) },
            principal,
          }),
      )
      await api.desiredMoved()
      return { ...taken, serves: [...taken.serves] }
    },
  )
}

function keyEndpoint({ repositories }: RepositoryApiParts): Endpoint {
  const { parts } = repositories
  return endpoint(
    {
      method: 'post',
      path: '/repositories/{repository}/keys',
      tag: 'repositories',
      summary: 'The public half of an online key, for the plan of a root; a new key where one is asked for.',
      params: Repository,
      body: v.strictObject({ role: Role, renew: v.boolean() }),
      answer: v.object({ role: Role, key: v.record(v.string(), v.unknown()) }),
      refusals: [403, 422],
    },
    async ({ params: { repository }, body: { role, renew }, principal }) => {
      if (renew)
        await repositories.alone(
          async () =>
            await doneAt(parts.kernel)(onlineKeyPerformer(parts), {
              resource: { type: 'repository', id: repository },
              input: { repository, role },
              principal,
            }),
        )
      return { role, key: keyDocument(newestKey(parts, repository, role)) }
    },
  )
}

function encoded(files: readonly NewFile[]): { name: string; bytes: string }[] {
  return files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes).toString('base64') }))
}
