/**
 * Whose key it is, and what they signed. An entry of the roster is a statement of the centre; an approval is one of the person.
 * A signature counts only while its key is in the roster, and only for the bytes that it names.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Environment, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { loadPublicKey, type KeyPair, type PublicKey } from '../../shared/signing/ed25519.ts'
import { EnvelopeSchema, type Envelope } from '../../shared/signing/envelope.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import {
  APPROVER_TYPE,
  ApproverSchema,
  openStatement,
  PersonSchema,
  RELEASE_APPROVAL_TYPE,
  ReleaseApprovalSchema,
  signStatement,
} from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { centrePerformer } from '../performer.ts'
import { ApprovalRefused, ApproverKnown, NoSuchApprover } from './errors.ts'
import { releaseInUse } from './find-release.ts'
import { authorOf, noteTransition, type ReleaseRef } from './transitions.ts'

const EnrolSchema = v.strictObject({
  person: PersonSchema,
  publicKey: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'a public key is 32 bytes in base64url')),
})
const RemoveSchema = v.strictObject({ keyId: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })
const ApproveSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  envelope: EnvelopeSchema,
})

export type RosterEntry = {
  readonly keyId: string
  readonly person: string
  readonly publicKey: string
  readonly entry: Envelope
  readonly addedBy: string
  readonly addedAt: string
  readonly removedAt: string | null
}

export type HeldApproval = {
  readonly person: string
  readonly keyId: string
  readonly envelope: Envelope
  readonly at: string
}

/** What approvals are taken by. */
export interface ApprovalParts {
  readonly clock: Clock
  readonly environment: Environment
  readonly policyKey: KeyPair
}

interface RosterGround {
  readonly environment: Environment
  readonly policyKey: PublicKey
}

export async function listApprovers(sql: Queryable): Promise<readonly RosterEntry[]> {
  return await sql.query<RosterEntry>(
    `select key_id as "keyId", person, public_key as "publicKey", entry, added_by as "addedBy", added_at as "addedAt",
       removed_at as "removedAt" from centre.approver order by added_at, key_id`,
  )
}

/** The key of somebody who may sign, and who that is. Throws {@link NoSuchApprover}. */
export async function approverOf(
  sql: Queryable,
  keyId: string,
  ground: RosterGround,
): Promise<{ readonly person: string; readonly key: PublicKey }> {
  const [row] = (await listApprovers(sql)).filter((one) => one.keyId === keyId && one.removedAt === null)
  if (row === undefined)
    throw new NoSuchApprover(`nobody here has the key ${keyId.slice(0, 16)}`, {
      remedy: 'Have it entered first: starling registry person add.',
    })
  // The row could have been changed behind the centre's back; the statement could not.
  const entry = openStatement(row.entry, {
    type: APPROVER_TYPE,
    key: ground.policyKey,
    schema: ApproverSchema,
  })
  const key = loadPublicKey(entry.publicKey)
  if (key.id !== keyId || entry.environment !== ground.environment)
    throw new NoSuchApprover(`the entry of the key ${keyId.slice(0, 16)} is about another`, {
      remedy: 'Remove it and enter the key anew.',
    })
  return { person: entry.person, key }
}

export async function approvalsOf(sql: Queryable, of: ReleaseRef): Promise<readonly HeldApproval[]> {
  return await sql.query<HeldApproval>(
    `select person, key_id as "keyId", envelope, at from centre.release_approval where name = $1 and version = $2
     order by person`,
    [of.name, of.version],
  )
}

/** The people whose signatures over this very release hold now, each verified again. */
export async function approversOf(
  sql: Queryable,
  of: ReleaseRef & { readonly envelopeSha256: string },
  ground: RosterGround,
): Promise<readonly string[]> {
  const people = new Set<string>()
  for (const { envelope, keyId } of await approvalsOf(sql, of)) {
    const approver = await approverOf(sql, keyId, ground).catch((thrown: unknown) => {
      if (thrown instanceof NoSuchApprover) return null
      throw thrown
    })
    if (approver === null) continue
    const said = openStatement(envelope, {
      type: RELEASE_APPROVAL_TYPE,
      key: approver.key,
      schema: ReleaseApprovalSchema,
    })
    if (said.envelopeSha256 === of.envelopeSha256 && said.environment === ground.environment)
      people.add(approver.person)
  }
  return [...people].toSorted()
}

/** Performs `approver.enrol`: from now on the key speaks for the person. Throws {@link ApproverKnown}. */
export function enrolApproverPerformer(
  parts: ApprovalParts,
): TransactionalPerformer<JsonObject, { readonly person: string; readonly keyId: string }> {
  const { clock, environment, policyKey } = parts
  return centrePerformer('approver.enrol', EnrolSchema, async (work, { person, publicKey }) => {
    const key = loadPublicKey(publicKey)
    const at = new Date(clock.nowMs()).toISOString()
    const entry = signStatement(
      APPROVER_TYPE,
      { v: 1, person, publicKey: key.text, environment, at },
      policyKey,
    )
    const rows = await work.tx.query(
      `insert into centre.approver (key_id, person, public_key, entry, record_id, added_by, added_at)
       values ($1, $2, $3, $4::text::jsonb, $5, $6, $7::text::timestamptz) on conflict do nothing returning key_id`,
      [key.id, person, key.text, JSON.stringify(entry), work.recordId, work.principal.id, at],
    )
    if (rows.length === 0)
      throw new ApproverKnown(`the key ${key.id.slice(0, 16)} was entered before`, {
        remedy: 'Make a new key: one that was removed is not taken back.',
      })
    return { person, keyId: key.id }
  })
}

/** Performs `approver.remove`: what the key signed counts no more. Throws {@link NoSuchApprover}. */
export function removeApproverPerformer(
  clock: Clock,
): TransactionalPerformer<JsonObject, { readonly person: string; readonly keyId: string }> {
  return centrePerformer('approver.remove', RemoveSchema, async ({ tx }, { keyId }) => {
    const [row] = await tx.query<{ person: string }>(
      `update centre.approver set removed_at = coalesce(removed_at, $2::text::timestamptz) where key_id = $1
       returning person`,
      [keyId, new Date(clock.nowMs()).toISOString()],
    )
    if (row === undefined)
      throw new NoSuchApprover(`nobody here has the key ${keyId.slice(0, 16)}`, {
        remedy: 'See the list: starling registry person list.',
      })
    return { person: row.person, keyId }
  })
}

/** Performs `release.approve`. Throws {@link ApprovalRefused}: another release's, a foreign key's, or the author's own. */
export function approveReleasePerformer(
  parts: ApprovalParts,
): TransactionalPerformer<
  JsonObject,
  { readonly name: string; readonly version: string; readonly person: string }
> {
  const { clock, environment } = parts
  const ground = { environment, policyKey: parts.policyKey.publicKey }
  return centrePerformer('release.approve', ApproveSchema, async (work, { name, version, envelope }) => {
    const release = await releaseInUse(work.tx, { name, version })
    const keyId = envelope.signatures[0]?.keyid ?? ''
    const { person, key } = await approverOf(work.tx, keyId, ground)
    const said = openStatement(envelope, { type: RELEASE_APPROVAL_TYPE, key, schema: ReleaseApprovalSchema })
    const fault = faultOf(said, { ...release, person, environment })
    if (fault !== null) throw refused(fault, 'Sign what the registry shows: starling registry approve.')
    if ((await authorOf(work.tx, release)) === person)
      throw refused(`${person} published ${name} ${version}`, 'Somebody else has to approve it.')
    await work.tx.query(
      `insert into centre.release_approval (name, version, person, key_id, envelope, record_id, at)
       values ($1, $2, $3, $4, $5::text::jsonb, $6, $7::text::timestamptz)
       on conflict (name, version, person) do update set key_id = excluded.key_id, envelope = excluded.envelope,
         record_id = excluded.record_id, at = excluded.at`,
      [
        name,
        version,
        person,
        keyId,
        JSON.stringify(envelope),
        work.recordId,
        new Date(clock.nowMs()).toISOString(),
      ],
    )
    await noteTransition(work, clock, { name, version, kind: 'approved', detail: { person, keyId } })
    return { name, version, person }
  })
}

function faultOf(
  said: v.InferOutput<typeof ReleaseApprovalSchema>,
  is: {
    readonly name: string
    readonly version: string
    readonly envelopeSha256: string
    readonly person: string
    readonly environment: Environment
  },
): string | null {
  if (said.name !== is.name || said.version !== is.version)
    return `it approves ${said.name} ${said.version}, not ${is.name} ${is.version}`
  if (said.envelopeSha256 !== is.envelopeSha256)
    return 'it approves other bytes than those that are published'
  if (said.environment !== is.environment) return `it is for ${said.environment}, this is ${is.environment}`
  return said.person === is.person ? null : `it speaks for ${said.person}, the key is ${is.person}'s`
}

function refused(why: string, remedy: string): ApprovalRefused {
  return new ApprovalRefused(`the approval is refused: ${why}`, { remedy })
}
