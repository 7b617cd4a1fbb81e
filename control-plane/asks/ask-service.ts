/** Answers what devices ask over the fabric. Who asks is the subject's word, which NATS lets only that device publish; never the request's. */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { FabricAuthority } from '../../shared/fabric/credentials.ts'
import type { TenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { Database } from '../../shared/sql/port.ts'
import {
  answerBytes,
  answerError,
  answerJson,
  decodeJson,
  MalformedMessage,
} from '../../shared/wire/answer.ts'
import { ChunkRequestSchema } from '../../shared/wire/bundle.ts'
import { DeltaRequestSchema } from '../../shared/wire/delta.ts'
import { SliceRequestSchema } from '../../shared/wire/context.ts'
import { METADATA_PIECE_BYTES, MetadataAbsent, MetadataRequestSchema } from '../../shared/wire/repository.ts'
import { SiteLeafRequestSchema } from '../../shared/wire/site.ts'
import { ReportedStateSchema, type ReportedState } from '../../shared/wire/state.ts'
import { isInboxOf, parseAsk, subjects, type AskVerb } from '../../shared/wire/subjects.ts'
import { sliceOf, type SliceParts } from '../context/slice.ts'
import { findDevice, type KnownDevice } from '../identity/devices.ts'
import { siteLeafAnswer } from '../identity/site-leaf.ts'
import { atCentre } from '../performer.ts'
import type { CentreContent } from '../release/content.ts'
import type { ContentRights } from '../release/content-rights.ts'
import { desiredState } from '../release/desired.ts'
import { deltaOffers, filesOf } from '../release/delta-store.ts'
import type { Repositories } from '../release/repositories/repositories.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { isReportAwaited } from '../rollouts/heard.ts'
import { reportPerformer } from './report.ts'

/** The largest request, a state report of 16 bundles, is a few KB. */
const MAX_REQUEST_BYTES = 64 * 1024
/** Requests in work at once: beyond it, devices are told to ask again. */
const MAX_IN_WORK = 64
/** Requests that wait for their turn: a whole fleet that was just told to look again. Beyond it, devices are told to ask again. */
const MAX_WAITING = 8_192

export class DeviceUnknown extends StarlingError {
  override readonly code = 'device_unknown'
}

export class CentreBusy extends StarlingError {
  override readonly code = 'centre_busy'
}

export interface AskParts {
  readonly tenant: TenantId
  readonly connection: NatsConnection
  readonly db: Database
  readonly kernel: Kernel
  readonly content: CentreContent
  readonly rights: ContentRights
  readonly repositories: Pick<Repositories, 'metadata' | 'listed'>
  readonly authority: Pick<FabricAuthority, 'issueLeaf'>
  readonly clock: Clock
  readonly log: Log
  readonly rollout: RolloutParts
  /** That a device asked, for the campaigns. */
  asked(device: string): Promise<void>
  /** Numbers the changes that committed before; null where another server numbers them. */
  readonly settle: SliceParts['settle']
  policy(): Envelope
}

type ParsedAsk = NonNullable<ReturnType<typeof parseAsk>>

/** Starts answering; the returned function stops it and waits for what is in work. */
export function openAskService(parts: AskParts): () => Promise<void> {
  const inWork = new Set<Promise<void>>()
  const waiting: { readonly ask: ParsedAsk; readonly message: Msg }[] = []
  const begin = (ask: ParsedAsk, message: Msg): void => {
    const work = respond(parts, ask, message).finally(() => {
      inWork.delete(work)
      const next = waiting.shift()
      if (next !== undefined) begin(next.ask, next.message)
    })
    inWork.add(work)
  }
  const take = (message: Msg): void => {
    const ask = parseAsk(message.subject)
    // Receipts are the ingest's to answer.
    if (ask === null || ask.verb === 'receipt.read') return
    if (!isInboxOf(ask.device, message.reply)) {
      parts.log.warn('an ask was ignored: its answer would go to somebody else', { device: ask.device })
      return
    }
    if (inWork.size < MAX_IN_WORK) return begin(ask, message)
    if (waiting.length < MAX_WAITING) waiting.push({ ask, message })
    else message.respond(answerError(busy()))
  }
  const subscription: Subscription = parts.connection.subscribe(subjects.askAll(parts.tenant), {
    callback: (error, message) => {
      if (error === null) take(message)
    },
  })
  return async () => {
    subscription.unsubscribe()
    waiting.length = 0
    await Promise.allSettled(inWork)
  }
}

async function respond(parts: AskParts, ask: ParsedAsk, message: Msg): Promise<void> {
  try {
    if (message.data.length > MAX_REQUEST_BYTES) throw tooLarge(message.data.length)
    const device = await findDevice(parts.db, ask.device)
    if (device === null || device.revokedAt !== null) throw unknown(ask.device)
    message.respond(await ANSWERS[ask.verb](parts, device, message.data))
  } catch (thrown) {
    if (!(thrown instanceof StarlingError))
      parts.log.error(`the ask ${ask.verb} of ${ask.device} failed`, { message: reportError(thrown).message })
    message.respond(answerError(thrown))
  }
}

type AnswerTo = (parts: AskParts, device: KnownDevice, request: Uint8Array) => Promise<Uint8Array>

const StateRequestSchema = v.strictObject({ v: v.literal(1) })

const ANSWERS: Readonly<Record<AskVerb, AnswerTo>> = {
  'context.slice': async (parts, { id: device, site }, request) => {
    const { table } = decodeJson(SliceRequestSchema, request)
    return answerJson(await asJson(sliceOf(parts, { tenant: parts.tenant, site, device }, table)))
  },
  'bundle.chunk': async ({ content, rights }, { id }, request) => {
    const { sha256, index } = decodeJson(ChunkRequestSchema, request)
    await rights.check(id, sha256)
    return answerBytes(await content.chunk(sha256, index))
  },
  'bundle.deltas': async ({ db, rights }, { id }, request) => {
    const { envelopeSha256 } = decodeJson(DeltaRequestSchema, request)
    await rights.check(id, envelopeSha256)
    const offers = await deltaOffers(db, await filesOf(db, envelopeSha256))
    return answerJson({ v: 1, offers: offers.map((offer) => ({ ...offer })) })
  },
  'repository.metadata': async ({ repositories }, { id }, request) => {
    const { repository, name, index } = decodeJson(MetadataRequestSchema, request)
    const bytes = await repositories.metadata(id, repository, name)
    if (bytes === null)
      throw new MetadataAbsent(`the ${repository} repository has no ${name}`, {
        remedy: 'Nothing needs to be done for a root that is not there yet; else publish what is missing.',
      })
    return answerBytes(bytes.subarray(index * METADATA_PIECE_BYTES, (index + 1) * METADATA_PIECE_BYTES))
  },
  'state.desired': async (parts, { id }, request) => {
    decodeJson(StateRequestSchema, request)
    await parts.asked(id)
    const state = await desiredState(parts.db, parts.policy(), id, parts.rollout.campaigns)
    // What people have still to sign is not wished for: a device would refuse it, and a campaign would count that.
    const bundles = await parts.repositories.listed(state.bundles)
    return answerJson({ ...state, bundles } as unknown as JsonObject)
  },
  'state.report': async ({ tenant, db, kernel, clock, rollout }, { id, reported: before }, request) => {
    const reported = decodeJson(ReportedStateSchema, request)
    // A device says how it stands every minute; only news is an effect, and what a campaign waits for.
    if (!saysTheSame(before, reported) || (await isReportAwaited(db, rollout, id)))
      await atCentre(kernel, reportPerformer({ tenant, rollout }), {
        resource: { type: 'device', id },
        input: { device: id, reported },
      })
    return answerJson({ v: 1, at: new Date(clock.nowMs()).toISOString() })
  },
  'site.leaf': async ({ db: sql, kernel, authority }, { id: device }, request) => {
    const { devices } = decodeJson(SiteLeafRequestSchema, request)
    return answerJson(await siteLeafAnswer({ sql, kernel, authority }, { device, devices }))
  },
  'receipt.read': async () =>
    await Promise.reject(new MalformedMessage('receipts are answered elsewhere', { remedy: 'None.' })),
}

/** Of a device's journal. */
const PRUNE_EVERY_RECORDS = 500

function saysTheSame(before: unknown, now: ReportedState): boolean {
  const parsed = v.safeParse(ReportedStateSchema, before)
  const said = ({ bundles, device, policy }: ReportedState): string =>
    JSON.stringify([bundles, device ?? null, policy ?? null])
  if (!parsed.success || said(parsed.output) !== said(now)) return false
  // Results that the device holds by now are let go at times, not each minute.
  return (now.results?.seq ?? 0) - (parsed.output.results?.seq ?? 0) < PRUNE_EVERY_RECORDS
}

/** Wire types are JSON by their schemas. */
async function asJson(value: Promise<object>): Promise<JsonObject> {
  return (await value) as JsonObject
}

function unknown(device: string): DeviceUnknown {
  return new DeviceUnknown(`${device} is not enrolled at this centre, or was revoked`, {
    remedy: 'Enrol it with a new token.',
  })
}

function busy(): CentreBusy {
  return new CentreBusy('the centre has too much to answer at this moment', {
    remedy: 'Ask again in a moment.',
  })
}

function tooLarge(sizeBytes: number): MalformedMessage {
  return new MalformedMessage(`a request of ${sizeBytes} bytes was refused`, {
    remedy: `Requests have at most ${MAX_REQUEST_BYTES} bytes.`,
  })
}
