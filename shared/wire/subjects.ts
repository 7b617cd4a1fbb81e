/**
 * Every NATS subject, stream and bucket name: built here, parsed here, nowhere else. A name holds the device's id
 * wherever two devices could meet, because acknowledgements carry no domain and cross the hub (two leaves whose streams
 * share a name acknowledge each other's messages).
 */
import { parseDeviceId, parseTenantId, type DeviceId, type SiteId, type TenantId } from '../ids.ts'

export const streams = {
  /** On the leaf: what this device has still to ship. Never crosses the link. */
  out: (device: DeviceId): string => `OUT_${device}`,
  /** At the hub: segments of every device of a tenant. */
  up: (tenant: TenantId): string => `UP_${tenant}`,
} as const

export const domains = {
  hub: 'hub',
  site: (site: SiteId): string => `d-${site}`,
} as const

export const subjects = {
  /** Leaf-local: one segment of the device's journal. */
  out: (device: DeviceId): string => `out.${device}.journal.seg`,
  /** Over the link: the same segment, to the hub's stream. */
  up: (tenant: TenantId, device: DeviceId): string => `up.${tenant}.${device}.journal.seg`,
  upAll: (tenant: TenantId): string => `up.${tenant}.*.journal.seg`,
  /** Requests that a device makes of the centre: `context.slice`, `bundle.chunk`, `bundle.deltas`, `repository.metadata`, `state.desired`, `receipt.read`, `state.report`, `site.leaf`. */
  ask: (tenant: TenantId, device: DeviceId, verb: AskVerb): string => `ask.${tenant}.${device}.${verb}`,
  askAll: (tenant: TenantId): string => `ask.${tenant}.*.>`,
  /** A tunnelled request of a device, and what it says of one under way. Among its asks, so that no further permission is needed. */
  tunnel: (tenant: TenantId, device: DeviceId, verb: TunnelVerb): string =>
    `ask.${tenant}.${device}.tunnel.${verb}`,
  /** Where a device hears answer `id` of its session; `beat`: that the centre holds its requests; `*`: all of it. */
  tunnelInbox: (device: DeviceId, session: string, id: number | 'beat' | '*'): string =>
    `_INBOX.${device}.tunnel-${session}.${id}`,
  /** What the centre tells a device: `receipt`, `desired`, `context`. */
  tell: (tenant: TenantId, device: DeviceId, verb: TellVerb): string => `cmd.${tenant}.${device}.${verb}`,
  tellAll: (tenant: TenantId, device: DeviceId): string => `cmd.${tenant}.${device}.>`,
  /** Leaf-local: a device asks its site's cache for a piece of content. Never crosses the link. */
  sitePiece: (device: DeviceId): string => `site.${device}.piece`,
  sitePieces: 'site.*.piece',
  inboxPrefix: (device: DeviceId): string => `_INBOX.${device}`,
} as const

export const ASK_VERBS = [
  'context.slice',
  'bundle.chunk',
  'bundle.deltas',
  'repository.metadata',
  'state.desired',
  'state.report',
  'receipt.read',
  'site.leaf',
] as const
export type AskVerb = (typeof ASK_VERBS)[number]
export type TellVerb = 'receipt' | 'desired' | 'context'

export const TUNNEL_VERBS = ['fetch', 'ack', 'cancel'] as const
export type TunnelVerb = (typeof TUNNEL_VERBS)[number]

/**
 * True for a subject on which `device` waits for an answer. A leaf may pass on asks of any device, and whoever holds a leaf's
 * key could ask in another's name: what is answered to the named device's own inbox, its leaf alone can hear.
 */
export function isInboxOf(device: DeviceId, subject: string | undefined): boolean {
  return subject?.startsWith(`${subjects.inboxPrefix(device)}.`) === true
}

/** Takes a subject apart; null when it is none of ours. */
export function parseUp(subject: string): { tenant: TenantId; device: DeviceId } | null {
  const [kind, tenant, device, journal, seg, ...rest] = subject.split('.')
  if (kind !== 'up' || journal !== 'journal' || seg !== 'seg' || rest.length > 0) return null
  return named(tenant, device)
}

export function parseAsk(subject: string): { tenant: TenantId; device: DeviceId; verb: AskVerb } | null {
  const [kind, tenant, device, ...rest] = subject.split('.')
  const verb = ASK_VERBS.find((known) => known === rest.join('.'))
  if (kind !== 'ask' || verb === undefined) return null
  const names = named(tenant, device)
  return names && { ...names, verb }
}

export function parseSitePiece(subject: string): DeviceId | null {
  const [kind, device, piece, ...rest] = subject.split('.')
  if (kind !== 'site' || piece !== 'piece' || rest.length > 0) return null
  try {
    return parseDeviceId(device)
  } catch {
    return null
  }
}

export function parseTunnel(
  subject: string,
): { tenant: TenantId; device: DeviceId; verb: TunnelVerb } | null {
  const [kind, tenant, device, tunnel, last, ...rest] = subject.split('.')
  const verb = TUNNEL_VERBS.find((known) => known === last)
  if (kind !== 'ask' || tunnel !== 'tunnel' || verb === undefined || rest.length > 0) return null
  const names = named(tenant, device)
  return names && { ...names, verb }
}

function named(tenant: unknown, device: unknown): { tenant: TenantId; device: DeviceId } | null {
  try {
    return { tenant: parseTenantId(tenant), device: parseDeviceId(device) }
  } catch {
    return null // A subject is outside input: one with a bad name is none of ours.
  }
}
