/** What the registry shows: releases with their lineage and life, aliases and their moves, the chain behind an alias. */
import * as v from 'valibot'
import type { Database } from '../../shared/sql/port.ts'
import { AliasSchema, PersonSchema } from '../../shared/wire/approval.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { PromotionChainSchema } from '../../shared/wire/promotion-chain.ts'
import { listAliases, movesOf } from '../registry/aliases.ts'
import { approvalsOf } from '../registry/approvals.ts'
import { promotionChain } from '../registry/chain.ts'
import { tagsOf } from '../registry/find-release.ts'
import { lineageOf } from '../registry/lineage.ts'
import { authorOf, TRANSITIONS, transitionsOf } from '../registry/transitions.ts'
import type { CentreContent } from '../release/content.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

interface ReadParts {
  readonly db: Database
  readonly content: CentreContent
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
  approvals: v.array(v.object({ person: PersonSchema, keyId: Sha256, at: Time })),
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
export function registryReads({ db, content }: ReadParts): readonly Endpoint[] {
  return [listEndpoint(db), aliasEndpoint(db), chainEndpoint(db), releaseEndpoint({ db, content })]
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

function chainEndpoint(db: Database): Endpoint {
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
    async ({ params: { name, alias } }) => await promotionChain(db, name, alias),
  )
}

function releaseEndpoint({ db, content }: ReadParts): Endpoint {
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
    async ({ params }) =>
      ({
        ...params,
        ...(await lineageOf(db, content, params)),
        author: await authorOf(db, params),
        tags: [...(await tagsOf(db, params))],
        aliases: (await listAliases(db, params.name)).flatMap(({ alias, version }) =>
          version === params.version ? [alias] : [],
        ),
        approvals: (await approvalsOf(db, params)).map(({ person, keyId, at }) => ({ person, keyId, at })),
        transitions: [...(await transitionsOf(db, params))],
      }) as v.InferInput<typeof ReleaseView>,
  )
}
