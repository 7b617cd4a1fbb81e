/** The two repositories of a production centre over a real kernel and database, and the people whose keys it never holds. */
import { join } from 'node:path'
import { CENTRE_SCHEMA } from '../../control-plane/centre-schema.ts'
import { atCentre } from '../../control-plane/performer.ts'
import { DELTA_SCHEMA } from '../../control-plane/release/delta-store.ts'
import { handInPerformer, type HandedIn } from '../../control-plane/release/repositories/hand-in.ts'
import { openOnlineKeys } from '../../control-plane/release/repositories/key-ring.ts'
import { dueDocuments } from '../../control-plane/release/repositories/overview.ts'
import {
  openRepositories,
  rootsOf,
  type Repositories,
  type RepositoryParts,
} from '../../control-plane/release/repositories/repositories.ts'
import { REPOSITORY_SCHEMA } from '../../control-plane/release/repositories/store.ts'
import { realDisk } from '../../edge-agent/models-store/disk.ts'
import { openAgreement, type Agreement } from '../../edge-agent/update/agreement.ts'
import {
  assemble,
  onlineRoles,
  prepareRoot,
  requiredForRoot,
  signDetached,
  type RootPlan,
} from '../../rollout/tuf/ceremony.ts'
import type { TopLevelRole } from '../../rollout/tuf/delegations.ts'
import { readRoot } from '../../rollout/tuf/metadata.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateSigningKey, type SigningKey } from '../../shared/signing/signing-key.ts'
import { AskRefused, decodeJson, type Ask } from '../../shared/wire/answer.ts'
import {
  METADATA_PIECE_BYTES,
  MetadataRequestSchema,
  type RepositoryName,
} from '../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { governed, type Governed } from './governed.ts'

const DAY_MS = 86_400_000

export const newKeys = (count: number): SigningKey[] =>
  Array.from({ length: count }, () => generateSigningKey('ed25519'))

export type People = Record<'root' | 'targets', readonly SigningKey[]>

export interface Apart {
  readonly stage: Governed
  readonly parts: RepositoryParts
  readonly repositories: Repositories
  /** Who signs now; a test puts others in their place. */
  readonly people: People
  readonly desired: Map<string, readonly DesiredBundle[]>
  /** The next root, as planned and signed by `by` (default: the old root's signers and the new one's). */
  nextRoot(
    repository: RepositoryName,
    change?: Partial<RootPlan>,
    by?: readonly SigningKey[],
  ): Promise<Uint8Array>
  handIn(repository: RepositoryName, files: readonly Uint8Array[]): Promise<HandedIn>
  /** What is due, signed by `by` (default: two of the targets' people). */
  signedDue(by?: readonly SigningKey[]): Promise<readonly Uint8Array[]>
  publish(name: string, version: string, envelope?: Uint8Array): Promise<DesiredBundle>
  askOf(device: DeviceId, change?: (name: string, bytes: Uint8Array | null) => Uint8Array | null): Ask
  /** A device's agreement, in the folder of its name; it starts from the roots that are newest now. */
  agreementOf(device: DeviceId, ask?: Ask, alarm?: (afterMs: number) => AbortSignal): Promise<Agreement>
  /** Where that device keeps what it trusts. */
  heldBy(device: DeviceId): string
  close(): Promise<void>
}

export async function signedApart(): Promise<Apart> {
  const stage = await governed({ origin: 'centre', environment: 'production' })
  for (const schema of [CENTRE_SCHEMA, REPOSITORY_SCHEMA, DELTA_SCHEMA]) await stage.db.script(schema)
  const desired = new Map<string, readonly DesiredBundle[]>()
  const parts: RepositoryParts = {
    db: stage.db,
    kernel: stage.kernel,
    clock: stage.clock,
    environment: 'production',
    keys: openOnlineKeys(stage.folder),
    desired: async (_sql, device) => await Promise.resolve(desired.get(device) ?? []),
  }
  const repositories = openRepositories(parts)
  const people: People = { root: newKeys(3), targets: newKeys(3) }
  // Root files that were signed and not handed in count as the newest of the chain that people work on.
  let before: Readonly<Record<RepositoryName, readonly SigningKey[]>> = { image: [], director: [] }

  const keysOf = (repository: RepositoryName, role: TopLevelRole): readonly SigningKey[] => {
    if (onlineRoles(repository).includes(role)) return parts.keys.held(repository, role).slice(-1)
    return role === 'root' ? people.root : people.targets
  }
  const apart: Apart = {
    stage,
    parts,
    repositories,
    people,
    desired,
    nextRoot: async (repository, change = {}, by) => {
      const current = (await rootsOf(parts, stage.db, repository)).at(-1)
      const signersOf = (role: TopLevelRole) => {
        const keys = keysOf(repository, role)
        return { keys, threshold: Math.min(2, keys.length) }
      }
      const roles = {
        root: signersOf('root'),
        targets: signersOf('targets'),
        snapshot: signersOf('snapshot'),
        timestamp: signersOf('timestamp'),
      }
      const plan: RootPlan = {
        environment: 'production',
        repository,
        expiresMs: stage.clock.nowMs() + 365 * DAY_MS,
        roles,
        ...change,
      }
      const document = prepareRoot(current, plan)
      const required = requiredForRoot(document, current)
      const signers = by ?? [...new Set([...before[repository].slice(0, 2), ...people.root.slice(0, 2)])]
      const root = assemble(
        document,
        signers.map((key) => signDetached(document, key)),
        required,
      )
      before = { ...before, [repository]: people.root }
      return root
    },
    handIn: async (repository, files) =>
      await repositories.alone(
        async () =>
          (
            await atCentre(stage.kernel, handInPerformer(parts, files), {
              resource: { type: 'repository', id: repository },
              input: { repository, files: files.map(sha256Hex) },
            })
          ).output,
      ),
    signedDue: async (by = people.targets.slice(0, 2)) => {
      const root = (await rootsOf(parts, stage.db, 'image')).at(-1) ?? new Uint8Array()
      const required = [{ who: 'targets', signers: readRoot(root).content.roles.targets }]
      return (await dueDocuments(parts)).map(({ bytes }) => {
        const document = (JSON.parse(Buffer.from(bytes).toString()) as { signed: JsonObject }).signed
        const signatures = by.map((key) => signDetached(document, key))
        return assemble(document, signatures, required)
      })
    },
    publish: async (name, version, envelope = Buffer.from(`${name} ${version} as it was signed`)) => {
      const manifest = { files: [{ path: 'model.onnx', sha256: 'a'.repeat(64) }] }
      const envelopeSha256 = sha256Hex(envelope)
      await stage.db.query(
        `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at)
         values ($1, $2, $3, $4, $5::text::jsonb, now())`,
        [name, version, envelopeSha256, envelope, JSON.stringify(manifest)],
      )
      return { name, version, envelopeSha256, envelopeSizeBytes: envelope.length }
    },
    askOf:
      (device, change = (_name, bytes) => bytes) =>
      async (_verb, request) => {
        const { repository, name, index } = decodeJson(MetadataRequestSchema, request)
        const bytes = change(`${repository}/${name}`, await repositories.metadata(device, repository, name))
        if (bytes === null)
          throw new AskRefused({ code: 'metadata_absent', message: 'no such file', remedy: 'None.' })
        return bytes.subarray(index * METADATA_PIECE_BYTES, (index + 1) * METADATA_PIECE_BYTES)
      },
    heldBy: (device) => join(stage.folder, 'held', device),
    agreementOf: async (device, ask = apart.askOf(device), alarm = () => new AbortController().signal) =>
      openAgreement({
        folder: apart.heldBy(device),
        alarm,
        disk: realDisk,
        ask,
        clock: stage.clock,
        device,
        environment: 'production',
        roots: await repositories.roots(),
      }),
    close: async () => await stage.close(),
  }
  return apart
}
