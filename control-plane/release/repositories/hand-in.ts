/**
 * What people signed elsewhere comes here: roots of both repositories, and what says which releases exist. Every file is walked
 * as a device would walk it before it is served; what a device would refuse is refused here, by name, and nothing changes.
 */
import * as v from 'valibot'
import { checkAudience } from '../../../rollout/tuf/audience.ts'
import { onlineRoles, rehearseRoots } from '../../../rollout/tuf/ceremony.ts'
import { TOP_LEVEL_ROLES } from '../../../rollout/tuf/delegations.ts'
import { keyDocument, keyIdOf } from '../../../rollout/tuf/documents.ts'
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import { readRoot, readTargets } from '../../../rollout/tuf/metadata.ts'
import { TufRefused, type RefusalReason } from '../../../rollout/tuf/refused.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import type { Queryable } from '../../../shared/sql/port.ts'
import { REPOSITORIES, type RepositoryName } from '../../../shared/wire/repository.ts'
import { centrePerformer } from '../../performer.ts'
import { isPublishable, published, roleOf } from './documents.ts'
import { signersOf } from './key-ring.ts'
import { groundOf, IMAGE, problemOf, rootsOf, type RepositoryParts } from './repositories.ts'
import { servedFiles, storeFiles } from './store.ts'

/** A file that was handed in and is not served, by what is wrong with it. */
export class RepositoryRefused extends StarlingError {
  override readonly code: `repository_${RefusalReason | 'missing' | 'online_key_missing' | 'not_offline'}`

  constructor(
    what: RefusalReason | 'missing' | 'online_key_missing' | 'not_offline',
    message: string,
    options: { readonly remedy: string; readonly cause?: unknown },
  ) {
    super(message, options)
    this.code = `repository_${what}`
  }
}

/** Files that are handed in at once: a root, and every family anew under new keys. */
export const MAX_HANDED_IN = 64
const InputSchema = v.strictObject({
  repository: v.picklist(REPOSITORIES),
  /** SHA-256 of each file, in the order in which they are taken. */
  files: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), v.minLength(1), v.maxLength(64)),
})

export type HandedIn = { readonly repository: string; readonly serves: readonly string[] }

/** Performs `release.hand_in` for exactly these files. Throws {@link RepositoryRefused}; then all is as it was. */
export function handInPerformer(
  parts: RepositoryParts,
  files: readonly Uint8Array[],
): TransactionalPerformer<JsonObject, HandedIn> {
  return centrePerformer('release.hand_in', InputSchema, async ({ tx }, { repository, files: digests }) => {
    if (digests.join() !== files.map(sha256Hex).join())
      throw refusal('wrong_bytes', 'these are not the files that were admitted')
    try {
      return { repository, serves: await take(parts, tx, { repository, files }) }
    } catch (thrown) {
      if (!(thrown instanceof TufRefused)) throw thrown
      const { reason, message, remedy } = thrown
      throw new RepositoryRefused(reason, message, { remedy: REMEDIES[reason] ?? remedy, cause: thrown })
    }
  })
}

/** Where the ceremony has more to say than TUF has. */
const REMEDIES: Partial<Record<RefusalReason, string>> = {
  unsigned:
    'Let more of its signers run `starling keys sign`, then `starling keys assemble`, and hand it in again.',
  wrong_version: 'Prepare it anew on what is served now: `starling keys fetch`, or `starling keys due`.',
  expired: 'Prepare it anew, have it signed and hand it in while it holds.',
}

async function take(
  parts: RepositoryParts,
  tx: Queryable,
  { repository, files }: { readonly repository: RepositoryName; readonly files: readonly Uint8Array[] },
): Promise<readonly string[]> {
  const serves: string[] = []
  const targets = new Map<string, Uint8Array>()
  const roots = [...(await rootsOf(parts, tx, repository))]
  for (const bytes of files) {
    if (isRoot(bytes)) serves.push(...(await takeRoot(parts, tx, { repository, roots, bytes })))
    else targets.set(roleOf(bytes), bytes)
  }
  const root = roots.at(-1)
  if (root === undefined)
    throw new RepositoryRefused('missing', `the ${repository} repository has no root yet`, {
      remedy: 'Hand its root in first: see `starling keys --help`.',
    })
  if (repository === 'director' && targets.size > 0)
    throw refusal('not_offline', 'the director says by itself what devices shall run')
  return [...serves, ...(repository === 'image' ? await takeTargets(parts, tx, { root, targets }) : [])]
}

/** Adds a root to the chain, unless it is there; returns the names of what is new. */
async function takeRoot(
  parts: RepositoryParts,
  tx: Queryable,
  {
    repository,
    roots,
    bytes,
  }: { readonly repository: RepositoryName; readonly roots: Uint8Array[]; readonly bytes: Uint8Array },
): Promise<readonly string[]> {
  if (roots.some((held) => Buffer.from(held).equals(bytes))) return []
  checkAudience(bytes, { environment: parts.environment, repository })
  const [oldest = bytes] = roots
  const { version } = readRoot(bytes).content
  if (version !== roots.length + 1)
    throw new TufRefused('wrong_version', 'root', `version ${version} after ${roots.length}`)
  rehearseRoots(oldest, [...roots, bytes], parts.clock.nowMs())
  checkKeys(parts, repository, bytes)
  roots.push(bytes)
  const name = metadataName('root', version)
  await storeFiles(tx, { repository, owner: '' }, [{ name, bytes }])
  return [name]
}

/** Every online role can be signed here, and in production no other one. */
function checkKeys(
  { keys, environment }: RepositoryParts,
  repository: RepositoryName,
  bytes: Uint8Array,
): void {
  const root = readRoot(bytes).content
  const online = onlineRoles(repository)
  for (const role of online) {
    const held = signersOf(keys, root, { repository, role }).length
    if (held < root.roles[role].threshold)
      throw new RepositoryRefused(
        'online_key_missing',
        `this root names other keys for ${role} than lie at this centre`,
        { remedy: `Plan it with what \`starling keys online ${repository} ${role}\` writes.` },
      )
  }
  if (environment !== 'production') return
  const here = new Set(
    REPOSITORIES.flatMap((name) => TOP_LEVEL_ROLES.flatMap((role) => keys.held(name, role))).map((key) =>
      keyIdOf(keyDocument(key)),
    ),
  )
  for (const role of TOP_LEVEL_ROLES)
    if (!online.includes(role) && root.roles[role].keyIds.some((id) => here.has(id)))
      throw refusal('not_offline', `this root names a key for ${role} that lies at this centre`)
}

async function takeTargets(
  parts: RepositoryParts,
  tx: Queryable,
  { root, targets }: { readonly root: Uint8Array; readonly targets: ReadonlyMap<string, Uint8Array> },
): Promise<readonly string[]> {
  const served = await servedFiles(tx, IMAGE)
  for (const [role, bytes] of targets) {
    const [held, { content }] = [served.roles.get(role), readTargets(bytes, role)]
    const version = held === undefined ? 0 : readTargets(held, role).content.version
    const isHeld = held !== undefined && Buffer.from(held).equals(bytes)
    if (!isHeld && content.version !== version + 1)
      throw new TufRefused('wrong_version', role, `version ${content.version} after ${version}`)
  }
  const roles = new Map([...served.roles, ...targets])
  const ground = groundOf(parts, 'image', root)
  // A root alone may leave everything to be signed anew; then devices wait, and what they run goes on.
  const isWaiting = !isPublishable(roles, readRoot(root).content, ground.nowMs)
  if (targets.size === 0 && (isWaiting || problemOf(root, ground) !== null)) return []
  const next = published({ ...served, roles }, ground)
  await storeFiles(tx, IMAGE, next)
  return next.map(({ name }) => name)
}

function isRoot(bytes: Uint8Array): boolean {
  const parsed = v.safeParse(TypedSchema, parsedJson(bytes))
  if (!parsed.success) throw refusal('malformed', 'a file is no TUF metadata')
  return parsed.output.signed._type === 'root'
}

const TypedSchema = v.object({ signed: v.object({ _type: v.picklist(['root', 'targets']) }) })

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown
  } catch {
    return null
  }
}

function refusal(what: 'malformed' | 'wrong_bytes' | 'not_offline', message: string): RepositoryRefused {
  return new RepositoryRefused(what, message, {
    remedy:
      what === 'not_offline'
        ? 'Root keys, and those that say what exists, stay on machines of their own: plan it without online keys.'
        : 'Hand in what `starling keys assemble` wrote.',
  })
}
