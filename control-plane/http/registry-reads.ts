/** What the registry shows: releases with their lineage and life, aliases and their moves, the chain behind an alias. */
import * as v from 'valibot'
import type { Database } from '../../shared/sql/port.ts'
import { AliasSchema, PersonSchema } from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { PromotionChainSchema } from '../../shared/wire/promotion-chain.ts'
import { listAliases, movesOf, type PromotionParts } from '../registry/aliases.ts'
import { approvalsOf, approversOf } from '../registry/approvals.ts'
import { promotionChain } from '../registry/chain.ts'
import { NoSuchRelease } from '../registry/errors.ts'
import { familyOf } from '../registry/family.ts'
import { tagsOf } from '../registry/find-release.ts'
import { lineageOf } from '../registry/lineage.ts'
import { signatureStates } from '../registry/signature-state.ts'
import { authorOf, TRANSITIONS, transitionsOf } from '../registry/transitions.ts'
import type { PublishParts } from '../release/publish.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

interface ReadParts {
  readonly db: Database
  readonly publishing: Pick<PublishParts, 'content' | 'key' | 'modelKey'>
  readonly rollout: PromotionParts
}

const Time = v.string()
const Name = v.strictObject({ name: BundleNameSchema })
const Release = v.strictObject({ name: BundleNameSchema, version: VersionSchema })
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const AliasView = v.object({
  name: BundleNameSchema,
  alias: AliasSchema,
  version: VersionSchema,
  setBy: v.string(),
  recordId: v.string(),
  setAt: Time,
})
const MoveView = v.object({
  alias: AliasSchema,
  from: v.nullable(VersionSchema),
  to: v.nullable(VersionSchema),
  by: v.string(),
  recordId: v.string(),
  at: Time,
})
const StatementView = v.object({
  sha256: Sha256,
  predicateType: v.string(),
  predicate: v.record(v.string(), v.unknown()),
})
const ReleaseView = v.object({
  name: BundleNameSchema,
  version: VersionSchema,
  author: v.string(),
  envelopeSha256: Sha256,
  environment: v.string(),
  createdAt: v.nullable(Time),
  expiresAt: v.nullable(Time),
  card: v.record(v.string(), v.unknown()),
  metrics: v.array(v.record(v.string(), v.unknown())),
  files: v.array(v.object({ path: v.string(), role: v.string(), sha256: Sha256, sizeBytes: v.number() })),
  base: v.nullable(VersionSchema),
  provenance: v.nullable(StatementView),
  evaluation: v.nullable(StatementView),
  tags: v.array(v.string()),
  aliases: v.array(AliasSchema),
  /** Each verified when it was asked for. */
  signatures: v.array(v.object({ what: v.string(), holds: v.boolean(), detail: v.string() })),
  approvals: v.array(
    v.object({
      person: PersonSchema,
      keyId: Sha256,
      at: Time,
      /** The signature holds, over these very bytes, by a key that is still in the roster. */
      holds: v.boolean(),
    }),
  ),
  transitions: v.array(
    v.object({
      kind: v.picklist(TRANSITIONS),
      by: v.string(),
      recordId: v.string(),
      at: Time,
      detail: v.record(v.string(), v.unknown()),
    }),
  ),
})
const FamilyView = v.object({
  name: BundleNameSchema,
  releases: v.array(
    v.object({
      version: VersionSchema,
      publishedAt: Time,
      author: v.string(),
      title: v.string(),
      licence: v.string(),
      sizeBytes: v.number(),
      expiresAt: v.nullable(Time),
      base: v.nullable(VersionSchema),
      held: v.boolean(),
      retired: v.boolean(),
      aliases: v.array(AliasSchema),
      tags: v.array(v.string()),
      approvals: v.number(),
    }),
  ),
})

export function registryReads(parts: ReadParts): readonly Endpoint[] {
  const { db } = parts
  return [
    listEndpoint(db),
    familyEndpoint(db),
    aliasEndpoint(db),
    chainEndpoint(parts),
    releaseEndpoint(parts),
  ]
}

function listEndpoint(db: Database): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/registry',
      tag: 'registry',
      summary: 'What is published, and which release each alias names.',
      answer: v.object({
        releases: v.array(
          v.object({
            name: BundleNameSchema,
            version: VersionSchema,
            publishedAt: Time,
            retired: v.boolean(),
          }),
        ),
        aliases: v.array(AliasView),
      }),
      refusals: [],
    },
    async () => ({
      releases: [
        ...(await db.query<{ name: string; version: string; publishedAt: string; retired: boolean }>(
          `select name, version, published_at as "publishedAt", exists (select 1 from centre.release_transition t
             where t.name = b.name and t.version = b.version and t.kind = 'retired') as retired
           from centre.bundle b order by name, string_to_array(version, '.')::int[] desc limit 1000`,
        )),
      ],
      aliases: [...(await listAliases(db))],
    }),
  )
}

function familyEndpoint(db: Database): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/registry/{name}',
      tag: 'registry',
      summary: 'Every release of a bundle, and from which each follows, newest version first.',
      params: Name,
      answer: FamilyView,
      refusals: [404, 422],
    },
    async ({ params: { name } }) => {
      const releases = await familyOf(db, name)
      if (releases.length === 0)
        throw new NoSuchRelease(`nothing is published as ${name}`, {
          remedy: 'See the list of releases: starling registry list.',
        })
      return {
        name,
        releases: releases.map((one) => ({ ...one, aliases: [...one.aliases], tags: [...one.tags] })),
      }
    },
  )
}

function aliasEndpoint(db: Database): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/registry/{name}/aliases',
      tag: 'registry',
      summary: 'The aliases of a bundle, and every move of one, newest first.',
      params: Name,
      answer: v.object({ aliases: v.array(AliasView), moves: v.array(MoveView) }),
      refusals: [422],
    },
    async ({ params: { name } }) => ({
      aliases: [...(await listAliases(db, name))],
      moves: [...(await movesOf(db, name))],
    }),
  )
}

function chainEndpoint({ db, rollout }: ReadParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/registry/{name}/aliases/{alias}/chain',
      tag: 'registry',
      summary: 'The signature chain by which an alias names its release, to be verified offline.',
      params: v.strictObject({ name: BundleNameSchema, alias: AliasSchema }),
      answer: PromotionChainSchema,
      refusals: [404, 422],
    },
    async ({ params }) => await promotionChain(db, rollout, params),
  )
}

function releaseEndpoint({ db, publishing, rollout }: ReadParts): Endpoint {
  const { content, key, modelKey } = publishing
  const ground = { sql: db, content, releaseKey: key.publicKey, modelKey: modelKey.publicText }
  const roster = { environment: rollout.environment, policyKey: rollout.policyKey.publicKey }
  return endpoint(
    {
      method: 'get',
      path: '/registry/{name}/{version}',
      tag: 'registry',
      summary: 'One release: lineage, metric contract, approvals, and its life so far.',
      params: Release,
      answer: ReleaseView,
      refusals: [404, 422],
    },
    async ({ params }) => {
      const lineage = await lineageOf(db, content, params)
      const { envelopeSha256 } = lineage
      const holding = await approversOf(db, { ...params, envelopeSha256 }, roster)
      return {
        ...params,
        ...lineage,
        author: await authorOf(db, params),
        tags: [...(await tagsOf(db, params))],
        aliases: (await listAliases(db, params.name)).flatMap(({ alias, version }) =>
          version === params.version ? [alias] : [],
        ),
        signatures: [...(await signatureStates(ground, params))],
        approvals: (await approvalsOf(db, params)).map(({ person, keyId, at }) => ({
          person,
          keyId,
          at,
          holds: holding.includes(person),
        })),
        transitions: [...(await transitionsOf(db, params))],
      }
    },
  )
}
