/** The configuration text of the two kinds of server. Every value is a JSON string or a number, so nothing can break out. */
import type { FabricTrust } from './credentials.ts'
import { LOOPBACK } from './free-port.ts'

/** Segments are at most 900 KB; headers and an answer's frame fit in what is left. */
const MAX_PAYLOAD_BYTES = 1_048_576
/** A dead peer is seen after two pings, 20 to 30 s; the default takes up to six minutes. */
const PING = 'ping_interval: "10s"\nping_max: 2'
/** JetStream's memory store is not used; its limit may not be zero. */
const MEMORY_STORE_BYTES = 16 * 1024 * 1024

export interface HubServerConfig {
  readonly port: number
  readonly leafPort: number
  /** Where clients and leaves listen: loopback unless leaves come from other machines. */
  readonly host: string
  /** What leaves are told to reconnect to; without it they learn the machine's own address and go round any proxy. */
  readonly advertise: string
  readonly storeDir: string
  readonly maxStoreBytes: number
  readonly trust: FabricTrust
}

export interface LeafServerConfig {
  readonly port: number
  readonly domain: string
  readonly storeDir: string
  readonly maxStoreBytes: number
  readonly trust: FabricTrust
  /** Null: no link, the site stands alone. */
  readonly link: { readonly url: string; readonly credsFile: string } | null
}

export function hubConfig(hub: HubServerConfig): string {
  return [
    `server_name: "hub"`,
    `listen: ${text(`${hub.host}:${hub.port}`)}`,
    common(hub.trust, { storeDir: hub.storeDir, maxStoreBytes: hub.maxStoreBytes, domain: 'hub' }),
    `leafnodes { listen: ${text(`${hub.host}:${hub.leafPort}`)}, advertise: ${text(hub.advertise)} }`,
  ].join('\n')
}

export function leafConfig(leaf: LeafServerConfig): string {
  const { link } = leaf
  const remote =
    link === null
      ? []
      : [
          'leafnodes {',
          '  reconnect: 1',
          `  remotes: [{ url: ${text(link.url)}, credentials: ${text(link.credsFile)}, account: ${text(leaf.trust.account.publicKey)} }]`,
          '}',
        ]
  return [
    `server_name: ${text(leaf.domain)}`,
    `listen: ${text(`${LOOPBACK}:${leaf.port}`)}`,
    common(leaf.trust, leaf),
    ...remote,
  ].join('\n')
}

function common(
  trust: FabricTrust,
  store: { readonly storeDir: string; readonly maxStoreBytes: number; readonly domain: string },
): string {
  return [
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    PING,
    `operator: ${text(trust.operatorJwt)}`,
    `system_account: ${text(trust.system.publicKey)}`,
    'resolver: MEMORY',
    'resolver_preload {',
    `  ${trust.account.publicKey}: ${text(trust.account.jwt)}`,
    `  ${trust.system.publicKey}: ${text(trust.system.jwt)}`,
    '}',
    'jetstream {',
    `  store_dir: ${text(store.storeDir)}`,
    `  domain: ${text(store.domain)}`,
    `  max_memory_store: ${MEMORY_STORE_BYTES}`,
    `  max_file_store: ${store.maxStoreBytes}`,
    '}',
  ].join('\n')
}

function text(value: string): string {
  return JSON.stringify(value)
}
