/** The published contracts as they lie in the repository, and what is to become of them. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { MODEL_CONTRACTS } from '../../../edge-agent/turn/model-contracts.ts'
import { WIRE_CONTRACTS } from '../../../shared/contracts/catalogue.ts'
import {
  historyFaults,
  published,
  standingOf,
  type Contract,
  type PublishedContract,
} from '../../../shared/contracts/contract.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { toolContracts } from './tools.ts'

export const PUBLISHED_DIR = fileURLToPath(new URL('shared/contracts/published', packageRoot()))

const PublishedSchema: v.GenericSchema<unknown, PublishedContract> = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z]+\.[a-z0-9._-]{1,80}$/)),
  kind: v.picklist(['event', 'table', 'tool', 'model']),
  way: v.picklist(['in', 'out', 'both']),
  versions: v.pipe(
    v.array(v.strictObject({ version: v.pipe(v.string(), v.regex(/^\d+\.\d+$/)), schema: v.any() })),
    v.minLength(1),
  ),
})

export async function contracts(): Promise<readonly Contract[]> {
  return [...WIRE_CONTRACTS, ...MODEL_CONTRACTS, ...(await toolContracts())]
}

/** Throws for a file that is none. */
export async function readPublished(dir: string): Promise<ReadonlyMap<string, PublishedContract>> {
  const found = new Map<string, PublishedContract>()
  for (const file of (await readdir(dir)).filter((name) => name.endsWith('.json'))) {
    const contract = v.parse(PublishedSchema, JSON.parse(await readFile(join(dir, file), 'utf8')))
    if (file !== `${contract.name}.json`) throw new Error(`${file} holds ${contract.name}`)
    found.set(contract.name, contract)
  }
  return found
}

export interface Review {
  /** To be published by `npm run contracts`: `name version`. */
  readonly stale: readonly string[]
  /** What must not go out so, each with what to do. */
  readonly faults: readonly string[]
}

/** Holds the program's contracts against the published ones. Nothing is written. */
export function review(own: readonly Contract[], held: ReadonlyMap<string, PublishedContract>): Review {
  const stale: string[] = []
  const faults: string[] = [...held.values()].flatMap(historyFaults)
  for (const contract of own) {
    const standing = standingOf(contract, held.get(contract.name) ?? null)
    const { name, major } = contract
    if (standing.kind === 'new' || standing.kind === 'grown') stale.push(`${name} ${standing.version}`)
    if (standing.kind === 'broken')
      faults.push(
        `${name} ${standing.version} breaks: ${standing.differences.join('; ')}. Raise its major number to ${major + 1} in the catalogue.`,
      )
    if (standing.kind === 'misnumbered')
      faults.push(`${name} is ${standing.version} as published, and the catalogue says ${major}.`)
  }
  for (const name of held.keys())
    if (!own.some((contract) => contract.name === name))
      faults.push(`${name} is published, and the program has it no more: delete its file if nobody uses it.`)
  return { stale, faults }
}

/** Publishes what is new or has grown. Returns `name version` of each; nothing is written where {@link review} finds a fault. */
export async function publish(dir: string, own: readonly Contract[]): Promise<readonly string[]> {
  await mkdir(dir, { recursive: true })
  const held = await readPublished(dir)
  const { stale, faults } = review(own, held)
  if (faults.length > 0) return []
  for (const contract of own) {
    const before = held.get(contract.name) ?? null
    const standing = standingOf(contract, before)
    if (standing.kind !== 'new' && standing.kind !== 'grown') continue
    const text = JSON.stringify(published(contract, before, standing.version), null, 2)
    await writeFile(join(dir, `${contract.name}.json`), `${text}\n`)
  }
  return stale
}
