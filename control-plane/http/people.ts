/** Whose key is whose, and who may call the centre, over the API. */
import * as v from 'valibot'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import { PersonSchema } from '../../shared/wire/approval.ts'
import type { PublishParts } from '../release/publish.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { enrolApproverPerformer, listApprovers, removeApproverPerformer } from '../registry/approvals.ts'
import { ROLES, type Access } from './access.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'
import { issueAccessPerformer } from './issue-access.ts'

export interface PeopleParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly access: Access
  readonly rollout: RolloutParts
  readonly publishing: PublishParts
}

const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const ApproverView = v.object({
  keyId: Sha256,
  person: PersonSchema,
  publicKey: v.string(),
  addedBy: v.string(),
  addedAt: v.string(),
  removedAt: v.nullable(v.string()),
})

export function peopleEndpoints(parts: PeopleParts): readonly Endpoint[] {
  return [
    listEndpoint(parts),
    enrolEndpoint(parts),
    removeEndpoint(parts),
    accessEndpoint(parts),
    keysEndpoint(parts),
  ]
}

function listEndpoint({ db }: PeopleParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/approvers',
      tag: 'people',
      summary: 'Whose key is whose; a key that was removed stays in the list.',
      answer: v.object({ approvers: v.array(ApproverView) }),
      refusals: [],
    },
    async () => ({
      approvers: (await listApprovers(db)).map(({ entry: _entry, ...shown }) => shown),
    }),
  )
}

function enrolEndpoint({ kernel, rollout }: PeopleParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/approvers',
      tag: 'people',
      summary: 'Enters a key, which from then on speaks for this person.',
      body: v.strictObject({ person: PersonSchema, publicKey: v.string() }),
      answer: v.object({ person: PersonSchema, keyId: Sha256 }),
      status: 201,
      refusals: [403, 409, 422],
    },
    async ({ body, principal }) =>
      await doneAt(kernel)(enrolApproverPerformer(rollout), {
        resource: { type: 'person', id: body.person },
        input: body,
        principal,
      }),
  )
}

function removeEndpoint({ kernel, rollout }: PeopleParts): Endpoint {
  return endpoint(
    {
      method: 'delete',
      path: '/approvers/{keyId}',
      tag: 'people',
      summary: 'Removes a key: what it signed counts no more.',
      params: v.strictObject({ keyId: Sha256 }),
      answer: v.object({ person: PersonSchema, keyId: Sha256 }),
      refusals: [403, 404, 422],
    },
    async ({ params, principal }) =>
      await doneAt(kernel)(removeApproverPerformer(rollout.clock), {
        resource: { type: 'person', id: params.keyId },
        input: params,
        principal,
      }),
  )
}

function accessEndpoint({ kernel, access }: PeopleParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/access',
      tag: 'people',
      summary: 'Makes an access token for another person.',
      body: v.strictObject({ person: PersonSchema, role: v.picklist(ROLES) }),
      answer: v.object({ person: PersonSchema, role: v.picklist(ROLES), token: v.string() }),
      status: 201,
      refusals: [403, 422],
    },
    async ({ body, principal }) => {
      await doneAt(kernel)(issueAccessPerformer(), {
        resource: { type: 'person', id: body.person },
        input: body,
        principal,
      })
      return { ...body, token: await access.issue({ id: body.person, role: body.role }) }
    },
  )
}

function keysEndpoint({ rollout, publishing }: PeopleParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/keys',
      tag: 'people',
      summary: 'The public keys of this centre, with which chains of signatures are verified.',
      answer: v.object({ policy: v.string(), release: v.string() }),
      refusals: [],
    },
    async () =>
      await Promise.resolve({
        policy: rollout.policyKey.publicKey.text,
        release: publishing.key.publicKey.text,
      }),
  )
}
