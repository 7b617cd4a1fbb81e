/** Starting the hub and the edge as processes of their own, with their run files. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { LinkClass } from '../../rollout/delta/transfer.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Home } from '../home.ts'
import { startPart, type PartProcess } from './part-process.ts'
import { dropRunFile, writeRunFile, type RunFile } from './run-files.ts'

export class PartIncompatible extends StarlingError {
  override readonly code = 'part_incompatible'
}

const HUB_ENTRY = new URL('../../control-plane/main.js', import.meta.url)
const EDGE_ENTRY = new URL('../main.js', import.meta.url)
/** Of each of its threads, in MB: Node's own 16 keeps 40 MB more for 0.6 % less CPU a turn. */
const EDGE_YOUNG_HEAP = '--max-semi-space-size=4'

export interface HubChoice {
  readonly port: number
  readonly natsPort: number
  readonly leafPort: number
  readonly sampleData: boolean
  /** Development unless given. */
  readonly environment?: Environment
  /** Free-form shapes, for tests of clients; left out in earnest use. */
  readonly shapes?: ShapeChoice
  readonly electric?: string
}

export interface ShapeChoice {
  /** The PostgreSQL whose tables they read; the centre's own database where none is named. */
  readonly databaseUrl: string | null
  readonly pollMs: number | null
  readonly chunkBytes: number | null
}

export interface EdgeChoice {
  readonly hub: string | null
  /** Where the leaf links to, when it is not where it was at enrolment. */
  readonly leafUrl: string | null
  /** The site's leaf that another device keeps; null: this one keeps it. */
  readonly joinLeaf?: string | null
  /** Over HTTP(S) instead of through the leaf, where it is named. */
  readonly contextUrl?: string | null
  readonly port: number
  readonly leafPort: number
  readonly device: string
  readonly site: string
  /** Not metered unless given. */
  readonly link?: LinkClass
  /** One unless given. */
  readonly speechThreads?: number
  /** One-time token for a device that is not enrolled yet; handed over by environment, never on the command line. */
  readonly token: string | null
}

export interface PartStart {
  readonly home: Home
  readonly signal: AbortSignal
  onLog(line: string): void
}

const HubReady = v.object({
  http: v.object({ url: v.string() }),
  leaf: v.object({ url: v.string() }),
  operatorToken: v.string(),
})
const EdgeReady = v.object({ http: v.object({ url: v.string() }), device: v.string() })

export type StartedHub = { readonly part: PartProcess; readonly run: RunFile['hub'] }
export type StartedEdge = { readonly part: PartProcess; readonly run: RunFile['edge'] }

export async function startHub(start: PartStart, choice: HubChoice): Promise<StartedHub> {
  const part = await startPart({
    name: 'centre',
    entry: HUB_ENTRY,
    args: [
      '--data',
      start.home.hub,
      '--bin',
      start.home.bin,
      '--port',
      String(choice.port),
      '--nats-port',
      String(choice.natsPort),
      '--leaf-port',
      String(choice.leafPort),
      ...(choice.sampleData ? ['--sample-data'] : []),
      ...(choice.environment === undefined ? [] : ['--environment', choice.environment]),
      ...shapeArgs(choice.shapes),
      ...(choice.electric === undefined ? [] : ['--electric', choice.electric]),
    ],
    // By environment: the address may hold a password.
    env: choice.shapes?.databaseUrl == null ? {} : { DATABASE_URL: choice.shapes.databaseUrl },
    onLog: (line) => start.onLog(line),
    signal: start.signal,
  })
  const ready = readyFacts(part, HubReady)
  const { http, leaf, operatorToken } = ready
  const run = { pid: part.pid, http: http.url, leaf: leaf.url, operatorToken }
  writeRunFile(start.home, 'hub', run)
  void part.gone.then(() => dropRunFile(start.home, 'hub'))
  return { part, run }
}

function shapeArgs(shapes: ShapeChoice | undefined): readonly string[] {
  if (shapes === undefined) return []
  const { pollMs, chunkBytes } = shapes
  return [
    '--insecure-shapes',
    ...(pollMs === null ? [] : ['--shape-poll-ms', String(pollMs)]),
    ...(chunkBytes === null ? [] : ['--shape-chunk-bytes', String(chunkBytes)]),
  ]
}

export async function startEdge(start: PartStart, choice: EdgeChoice): Promise<StartedEdge> {
  const part = await startPart({
    name: 'edge agent',
    entry: EDGE_ENTRY,
    nodeFlags: [EDGE_YOUNG_HEAP],
    args: [
      '--data',
      start.home.edge,
      '--bin',
      start.home.bin,
      '--port',
      String(choice.port),
      '--leaf-port',
      String(choice.leafPort),
      '--device',
      choice.device,
      '--site',
      choice.site,
      ...(choice.speechThreads === undefined ? [] : ['--speech-threads', String(choice.speechThreads)]),
      ...(choice.hub === null ? [] : ['--hub', choice.hub]),
      ...(choice.leafUrl === null ? [] : ['--leaf-url', choice.leafUrl]),
      ...(choice.joinLeaf == null ? [] : ['--join-leaf', choice.joinLeaf]),
      ...(choice.link === undefined ? [] : ['--link', choice.link]),
      ...(choice.contextUrl == null ? [] : ['--context-url', choice.contextUrl]),
    ],
    env: choice.token === null ? {} : { STARLING_ENROL_TOKEN: choice.token },
    onLog: (line) => start.onLog(line),
    signal: start.signal,
  })
  const { http, device } = readyFacts(part, EdgeReady)
  const run = { pid: part.pid, http: http.url, device }
  writeRunFile(start.home, 'edge', run)
  void part.gone.then(() => dropRunFile(start.home, 'edge'))
  return { part, run }
}

/** True once this folder's device has an identity that the centre took. */
export function isEnrolled(home: Home): boolean {
  return existsSync(join(home.edge, 'identity.json'))
}

function readyFacts<T>(part: PartProcess, schema: v.GenericSchema<unknown, T>): T {
  const parsed = v.safeParse(schema, part.ready)
  if (parsed.success) return parsed.output
  throw new PartIncompatible(`the ${part.name} is ready, but says so in another version's words`, {
    remedy: 'Install Starling anew: its parts are of different versions.',
  })
}
