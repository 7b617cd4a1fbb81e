/** What operators do with releases over the API: approve, tag, move an alias, retire. */
import * as v from 'valibot'
import type { Kernel } from '../../shared/kernel/contract.ts'
import { EnvelopeSchema } from '../../shared/signing/envelope.ts'
import { AliasSchema, PersonSchema } from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { aliasPerformer, type AliasParts } from '../registry/aliases.ts'
import { approveReleasePerformer } from '../registry/approvals.ts'
import { retirePerformer, tagPerformer } from '../registry/releases.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { supersede } from '../rollouts/supersede.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

export interface RegistryWriteParts {
  readonly kernel: Kernel
  readonly rollout: RolloutParts
  /** What devices shall run may be otherwise now: tells them to look again. */
  desiredMoved(): Promise<void>
}

export function registryWrites(parts: RegistryWriteParts): readonly Endpoint[] {
  return [aliasEndpoint(parts), approvalEndpoint(parts), tagEndpoint(parts), retireEndpoint(parts)]
}

/** A move by hand ends what campaigns decided before: also to where a cancelled one went back. */
function aliasParts(rollout: RolloutParts): AliasParts {
  return {
    ...rollout,
    supersede: async (work, of) =>
      void (await supersede(work, rollout, { ...of, phases: ['complete', 'cancelled'] })),
  }
}

const Release = v.strictObject({ name: BundleNameSchema, version: VersionSchema })

function aliasEndpoint(parts: RegistryWriteParts): Endpoint {
  return endpoint(
    {
      method: 'put',
      path: '/registry/{name}/aliases/{alias}',
      tag: 'registry',
      summary:
        'Moves an alias from the release that it is expected to name to another, as the policy allows it.',
      params: v.strictObject({ name: BundleNameSchema, alias: AliasSchema }),
      body: v.strictObject({ version: VersionSchema, expected: v.nullable(VersionSchema) }),
      answer: v.object({
        name: BundleNameSchema,
        alias: AliasSchema,
        from: v.nullable(VersionSchema),
        version: VersionSchema,
        rules: v.array(v.string()),
        approvers: v.array(PersonSchema),
      }),
      refusals: [403, 404, 409, 422],
    },
    async ({ params: { name, alias }, body, principal }) => {
      const resource = { type: 'alias', id: `${name} ${alias}` }
      const moved = await doneAt(parts.kernel)(aliasPerformer(aliasParts(parts.rollout)), {
        resource,
        input: { name, alias, ...body },
        principal,
      })
      await parts.desiredMoved()
      return { ...moved, rules: [...moved.rules], approvers: [...moved.approvers] }
    },
  )
}

function approvalEndpoint(parts: RegistryWriteParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/registry/{name}/{version}/approvals',
      tag: 'registry',
      summary: 'Takes the signed approval of a release by somebody other than its author.',
      params: Release,
      body: v.strictObject({ envelope: EnvelopeSchema }),
      answer: v.object({ name: BundleNameSchema, version: VersionSchema, person: PersonSchema }),
      status: 201,
      refusals: [403, 404, 409, 422],
    },
    async ({ params, body, principal }) =>
      await doneAt(parts.kernel)(approveReleasePerformer(parts.rollout), {
        resource: { type: 'bundle', id: `${params.name} ${params.version}` },
        input: { ...params, ...body },
        principal,
      }),
  )
}

function tagEndpoint(parts: RegistryWriteParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/registry/{name}/{version}/tags',
      tag: 'registry',
      summary: 'Adds a tag, by which policy may ask for more.',
      params: Release,
      body: v.strictObject({ tag: v.string() }),
      answer: v.object({ name: BundleNameSchema, version: VersionSchema, tag: v.string() }),
      status: 201,
      refusals: [403, 404, 409, 422],
    },
    async ({ params, body, principal }) =>
      (await doneAt(parts.kernel)(tagPerformer(parts.rollout.clock), {
        resource: { type: 'bundle', id: `${params.name} ${params.version}` },
        input: { ...params, ...body },
        principal,
      })) as { name: string; version: string; tag: string },
  )
}

function retireEndpoint(parts: RegistryWriteParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/registry/{name}/{version}/retire',
      tag: 'registry',
      summary: 'Takes a release out of use for good: no alias, choice or rollout may name it again.',
      params: Release,
      body: v.strictObject({ reason: v.pipe(v.string(), v.minLength(1), v.maxLength(500)) }),
      answer: v.object({ name: BundleNameSchema, version: VersionSchema, reason: v.string() }),
      refusals: [403, 404, 409, 422],
    },
    async ({ params, body, principal }) =>
      (await doneAt(parts.kernel)(retirePerformer(parts.rollout.clock), {
        resource: { type: 'bundle', id: `${params.name} ${params.version}` },
        input: { ...params, ...body },
        principal,
      })) as { name: string; version: string; reason: string },
  )
}
