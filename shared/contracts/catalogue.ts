/** What device and centre say to each other, and the rows that travel: each with the major number of its contract. */
import { CONTEXT_VERSION } from '../context/version.ts'
import { CONTEXT_TABLES, ROW_SCHEMAS } from '../context/tables.ts'
import { PolicySchema } from '../policy/policy.ts'
import { EnvelopeSchema } from '../signing/envelope.ts'
import { BundleManifestSchema, ChunkRequestSchema } from '../wire/bundle.ts'
import { SliceAnswerSchema, SliceRequestSchema } from '../wire/context.ts'
import { DeltaAnswerSchema, DeltaRequestSchema } from '../wire/delta.ts'
import { EnrolAnswerSchema, EnrolRequestSchema } from '../wire/enrolment.ts'
import { ReceiptSchema } from '../wire/receipt.ts'
import { MetadataRequestSchema } from '../wire/repository.ts'
import { SchemaStepsSchema } from '../wire/schema-steps.ts'
import { SegmentSchema } from '../wire/segment.ts'
import { ShapeClaimSchema } from '../wire/shape-token.ts'
import { PieceRequestSchema, SiteLeafAnswerSchema, SiteLeafRequestSchema } from '../wire/site.ts'
import { DesiredStateSchema, ReportAnswerSchema, ReportedStateSchema } from '../wire/state.ts'
import { TunnelAckSchema, TunnelCancelSchema, TunnelFetchSchema } from '../wire/tunnel.ts'
import type { Contract, ContractWay } from './contract.ts'

const event = (name: string, way: ContractWay, major: number, schema: Contract['schema']): Contract => ({
  name: `event.${name}`,
  kind: 'event',
  way,
  major,
  schema,
})

const EVENTS: readonly Contract[] = [
  event('segment', 'in', 1, SegmentSchema),
  event('receipt', 'out', 1, ReceiptSchema),
  event('envelope', 'both', 1, EnvelopeSchema),
  event('policy', 'out', 2, PolicySchema),
  event('enrol.request', 'in', 1, EnrolRequestSchema),
  event('enrol.answer', 'out', 2, EnrolAnswerSchema),
  event('state.desired', 'out', 2, DesiredStateSchema),
  event('state.reported', 'in', 1, ReportedStateSchema),
  event('state.report-answer', 'out', 1, ReportAnswerSchema),
  event('bundle.manifest', 'out', 2, BundleManifestSchema),
  event('bundle.chunk-request', 'in', 1, ChunkRequestSchema),
  event('bundle.delta-request', 'in', 1, DeltaRequestSchema),
  event('bundle.delta-answer', 'out', 1, DeltaAnswerSchema),
  event('site.piece-request', 'in', 1, PieceRequestSchema),
  event('site.leaf-request', 'in', 1, SiteLeafRequestSchema),
  event('site.leaf-answer', 'out', 1, SiteLeafAnswerSchema),
  event('repository.metadata-request', 'in', 1, MetadataRequestSchema),
  event('schema.steps', 'out', 1, SchemaStepsSchema),
  event('context.slice-request', 'in', 1, SliceRequestSchema),
  event('context.slice-answer', 'out', 1, SliceAnswerSchema),
  event('shape.claim', 'in', 1, ShapeClaimSchema),
  event('tunnel.fetch', 'in', 1, TunnelFetchSchema),
  event('tunnel.ack', 'in', 1, TunnelAckSchema),
  event('tunnel.cancel', 'in', 1, TunnelCancelSchema),
]

/** Rows go down and writes of them come up: whatever changes is a new form of the context, and its number is theirs. */
const TABLES: readonly Contract[] = CONTEXT_TABLES.map((table) => ({
  name: `table.${table}`,
  kind: 'table',
  way: 'both',
  major: CONTEXT_VERSION,
  schema: ROW_SCHEMAS[table],
}))

export const WIRE_CONTRACTS: readonly Contract[] = [...EVENTS, ...TABLES]
