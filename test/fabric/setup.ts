/** What the harness hands to its processes as a file: keys, credentials, ports. Everything is made anew for each run. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { FabricSeedsSchema, FabricTrustSchema } from '../../shared/fabric/credentials.ts'

export const CentreSetup = v.strictObject({
  dir: v.string(),
  binary: v.string(),
  tenant: v.string(),
  seeds: FabricSeedsSchema,
  key: v.string(),
  port: v.number(),
  leafPort: v.number(),
  /** The proxy's address: leaves come and come back through it. */
  advertise: v.nullable(v.string()),
  devices: v.array(v.strictObject({ device: v.string(), site: v.string(), key: v.string() })),
})
export type CentreSetup = v.InferOutput<typeof CentreSetup>

export const AgentSetup = v.strictObject({
  dir: v.string(),
  binary: v.string(),
  tenant: v.string(),
  device: v.string(),
  site: v.string(),
  key: v.string(),
  trust: FabricTrustSchema,
  creds: v.string(),
  link: v.strictObject({ url: v.string(), creds: v.string() }),
  centre: v.string(),
  seed: v.number(),
  /** Records a second, about. */
  rate: v.number(),
})
export type AgentSetup = v.InferOutput<typeof AgentSetup>

export function readSetup<T>(schema: v.GenericSchema<unknown, T>, path: string | undefined): T {
  return v.parse(schema, JSON.parse(readFileSync(path ?? '', 'utf8')))
}

/** One JSON line to whoever started this process. */
export function say(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
