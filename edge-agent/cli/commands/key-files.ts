/** The files of a key ceremony: they travel between machines on sticks and by mail, so each is read as a stranger's. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import type { DetachedSignature, RootPlan } from '../../../rollout/tuf/ceremony.ts'
import type { RoleKeys } from '../../../rollout/tuf/documents.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { ENVIRONMENTS } from '../../../shared/kernel/contract.ts'
import { loadSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { describeIssues } from '../../../shared/wire/answer.ts'
import { REPOSITORIES } from '../../../shared/wire/repository.ts'

/** A file of the ceremony that cannot be read, or is not what it has to be. */
export class CeremonyFileRefused extends StarlingError {
  override readonly code = 'ceremony_file_refused'
}

const DAY_MS = 86_400_000

const HexSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]+$/))
const SignatureSchema = v.strictObject({ keyid: HexSchema, sig: HexSchema, over: HexSchema })
const PublicKeySchema = v.object({
  keytype: v.picklist(['ed25519', 'ecdsa', 'rsa']),
  scheme: v.picklist(['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256']),
  keyval: v.object({ public: v.string() }),
})
const RoleSchema = v.strictObject({
  threshold: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)),
  /** Files with public keys, relative to the plan. */
  keys: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(100)),
})
const PlanSchema = v.strictObject({
  environment: v.picklist(ENVIRONMENTS),
  /** *image* unless it says so. */
  repository: v.optional(v.picklist(REPOSITORIES), 'image'),
  expiresInDays: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3_650)),
  roles: v.strictObject({
    root: RoleSchema,
    timestamp: RoleSchema,
    snapshot: RoleSchema,
    targets: RoleSchema,
  }),
})
const PreparedSchema = v.object({ signed: v.record(v.string(), v.unknown()) })

export function readPlan(path: string, nowMs: number): RootPlan {
  const plan = read(path, PlanSchema)
  const role = (named: v.InferOutput<typeof RoleSchema>): RoleKeys => ({
    threshold: named.threshold,
    keys: named.keys.map((file) => readPublicKey(resolve(dirname(path), file))),
  })
  const { root, timestamp, snapshot, targets } = plan.roles
  return {
    environment: plan.environment,
    repository: plan.repository,
    expiresMs: nowMs + plan.expiresInDays * DAY_MS,
    roles: { root: role(root), timestamp: role(timestamp), snapshot: role(snapshot), targets: role(targets) },
  }
}

/** A `.pub` file, as `starling keys new` writes it. */
export function readPublicKey(path: string): Pick<SigningKey, 'keytype' | 'scheme' | 'publicText'> {
  const { keytype, scheme, keyval } = read(path, PublicKeySchema)
  return { keytype, scheme, publicText: keyval.public }
}

export function readSignature(path: string): DetachedSignature {
  return read(path, SignatureSchema)
}

/** The document of a prepared or assembled file; who uses it verifies it. */
export function readDocument(path: string): JsonObject {
  return read(path, PreparedSchema).signed as JsonObject
}

export function readKey(path: string): SigningKey {
  return loadSigningKey(readText(path))
}

export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new CeremonyFileRefused(`${path} cannot be read`, { remedy: 'Give the path of a file.', cause })
  }
}

/** Never over a file that is there: a second signature, or a key, must not silently take the place of the first. */
export function writeNew(path: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    writeFileSync(path, content, { flag: 'wx', mode })
  } catch (cause) {
    throw new CeremonyFileRefused(`${path} cannot be written: ${(cause as Error).message}`, {
      remedy: 'Give a name that is not taken, in a folder that exists.',
      cause,
    })
  }
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 1)}\n`
}

function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path))
}

function read<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> {
  const refused = (what: string): CeremonyFileRefused =>
    new CeremonyFileRefused(`${path}: ${what}`, { remedy: 'starling help keys says what each file holds.' })
  let value: unknown
  try {
    value = JSON.parse(readText(path))
  } catch (thrown) {
    if (thrown instanceof CeremonyFileRefused) throw thrown
    throw refused('is not JSON')
  }
  const parsed = v.safeParse(schema, value)
  if (!parsed.success) throw refused(describeIssues(parsed.issues))
  return parsed.output
}
