/**
 * `starling keys` at a centre that serves the two repositories: what has to be signed goes out as files, what was signed comes in.
 * The secret halves of those who sign never come near it.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RepositoryName } from '../../../shared/wire/repository.ts'
import type { Call } from '../call.ts'
import { operating, type AsOption } from '../operate.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { json, readBytes, writeNew } from './key-files.ts'

interface State {
  readonly repository: RepositoryName
  readonly root: {
    readonly version: number
    readonly expiresAt: string
    readonly signers: readonly {
      readonly role: string
      readonly keys: number
      readonly threshold: number
    }[]
  } | null
  readonly roles: readonly { readonly role: string; readonly version: number; readonly expiresAt: string }[]
  readonly due: readonly string[]
  readonly problem: 'repository_missing' | 'root_expired' | 'online_key_missing' | null
  readonly onlineKeys: readonly { readonly role: string; readonly keyId: string; readonly named: boolean }[]
}
interface Files {
  readonly files: readonly { readonly name: string; readonly bytes: string }[]
}

const PROBLEMS: Readonly<Record<NonNullable<State['problem']>, string>> = {
  repository_missing:
    'no root was published: devices install nothing. Plan one with the online keys (starling keys online), sign it, publish it here',
  root_expired:
    'its root has expired: devices install nothing. Prepare the next one, sign it, publish it here',
  online_key_missing: 'its root names online keys that do not lie here: see starling keys online',
}

/** Exit code `refused` when something has to be signed, or a repository cannot be served. */
export async function keysStatus(call: Call, as: AsOption): Promise<ExitCode> {
  const { environment, repositories } = (await operating(call, as).get('/api/repositories')) as {
    environment: string
    repositories: readonly State[]
  }
  call.output.answer({ environment, repositories }, [environment, ...repositories.flatMap(linesOf)])
  const isWaiting = repositories.some(({ due, problem }) => problem !== null || due.length > 0)
  return isWaiting ? EXIT.refused : EXIT.ok
}

function linesOf({ repository, root, roles, due, problem, onlineKeys }: State): readonly string[] {
  const signers = (root?.signers ?? []).map(({ role, keys, threshold }) => `${role} ${threshold} of ${keys}`)
  return [
    root === null
      ? `${repository}: no root`
      : `${repository}: root ${root.version} until ${root.expiresAt}: ${signers.join(', ')}`,
    ...(problem === null ? [] : [`  ${PROBLEMS[problem]}`]),
    ...roles.map(({ role, version, expiresAt }) => `  ${role} ${version} until ${expiresAt}`),
    ...due.map((name) => `  has to be signed: ${name} (starling keys due --out DIR)`),
    ...onlineKeys
      .filter(({ named }) => !named)
      .map(({ role, keyId }) => `  the online key ${keyId} of ${role} is not named by the root`),
  ]
}

/** The public half of an online key, as a plan names it. */
export async function keysOnline(
  call: Call,
  { repository, role }: { readonly repository: RepositoryName; readonly role: string },
  options: AsOption & { readonly out: string; readonly renew: boolean },
): Promise<ExitCode> {
  const { renew, out } = options
  const answer = (await operating(call, options).send('POST', `/api/repositories/${repository}/keys`, {
    role,
    renew,
  })) as { readonly key: object }
  writeNew(out, json(answer.key))
  call.output.answer({ repository, role, out }, [
    `wrote ${out}: name it in the plan of the ${repository} root, for ${role}`,
  ])
  return EXIT.ok
}

/** What people have to sign, a file each. */
export async function keysDue(call: Call, options: AsOption & { readonly out: string }): Promise<ExitCode> {
  const { files } = (await operating(call, options).get('/api/repositories/image/due')) as Files
  const written = writeAll(options.out, files)
  call.output.answer(
    { files: written },
    written.length === 0
      ? ['nothing has to be signed']
      : ['to be signed by the holders of the targets keys:', ...written.map((path) => `  ${path}`)],
  )
  return EXIT.ok
}

/** What a signer's machine needs to prepare, assemble and rehearse: it becomes a `--repository`. */
export async function keysFetch(
  call: Call,
  repository: RepositoryName,
  options: AsOption & { readonly out: string },
): Promise<ExitCode> {
  const { files } = (await operating(call, options).get(`/api/repositories/${repository}/files`)) as Files
  const written = writeAll(join(options.out, 'metadata'), files)
  call.output.answer({ files: written }, [
    `${options.out} holds what is served of ${repository} (${written.length} files)`,
  ])
  return EXIT.ok
}

/** Hands in what was signed; the centre walks it as a device would before it serves it. */
export async function keysHandIn(
  call: Call,
  files: readonly string[],
  options: AsOption & { readonly centre: RepositoryName },
): Promise<ExitCode> {
  const body = { files: files.map((path) => Buffer.from(readBytes(path)).toString('base64')) }
  const answer = (await operating(call, options).send(
    'POST',
    `/api/repositories/${options.centre}`,
    body,
  )) as { readonly serves: readonly string[] }
  call.output.answer(answer, [
    answer.serves.length === 0 ? 'it was served already' : 'the centre serves:',
    ...answer.serves.map((name) => `  ${name}`),
  ])
  return EXIT.ok
}

function writeAll(folder: string, files: Files['files']): readonly string[] {
  mkdirSync(folder, { recursive: true })
  return files.map(({ name, bytes }) => {
    const path = join(folder, name.replace(/[^\w.%-]/g, '_'))
    writeNew(path, Buffer.from(bytes, 'base64'))
    return path
  })
}
