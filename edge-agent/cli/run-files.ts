/** The addresses of what runs now, written beside the data when a part is ready, so that other commands find it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Home } from '../home.ts'

const HubSchema = v.object({
  pid: v.number(),
  http: v.string(),
  leaf: v.string(),
  operatorToken: v.string(),
})
const EdgeSchema = v.object({ pid: v.number(), http: v.string(), device: v.string() })
const SCHEMAS = { hub: HubSchema, edge: EdgeSchema } as const

export type RunFile = {
  readonly hub: v.InferOutput<typeof HubSchema>
  readonly edge: v.InferOutput<typeof EdgeSchema>
}
export type PartName = keyof RunFile

export function writeRunFile<P extends PartName>(home: Home, part: P, facts: RunFile[P]): void {
  const path = pathOf(home, part)
  writeFileSync(`${path}.new`, `${JSON.stringify(facts)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function dropRunFile(home: Home, part: PartName): void {
  rmSync(pathOf(home, part), { force: true })
}

/** What a running part wrote; null when it never did, or when its process is gone. */
export function readRunFile<P extends PartName>(home: Pick<Home, 'run'>, part: P): RunFile[P] | null {
  let text: string
  try {
    text = readFileSync(pathOf(home, part), 'utf8')
  } catch {
    return null // Nothing runs.
  }
  const parsed = v.safeParse(SCHEMAS[part], safeJson(text))
  if (!parsed.success || !isAlive(parsed.output.pid)) return null
  return parsed.output as RunFile[P]
}

function pathOf(home: Pick<Home, 'run'>, part: PartName): string {
  return join(home.run, `${part}.json`)
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // A torn file says nothing: the schema refuses null.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
