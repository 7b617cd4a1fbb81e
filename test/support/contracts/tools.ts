/** The contract of every effect, found in the sources themselves: an effect that is added tomorrow is published tomorrow. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as v from 'valibot'
import { COMMANDS, commandPerformer, type CommandWord } from '../../../control-plane/rollouts/commands.ts'
import type { RolloutParts } from '../../../control-plane/rollouts/decide.ts'
import { WRITE_DEEDS, deedPerformer } from '../../../edge-agent/context/write-performers.ts'
import { FIELD_INTENTS, fieldAction } from '../../../edge-agent/actions/field-actions.ts'
import type { LocalWrites } from '../../../edge-agent/context/local-writes.ts'
import type { FieldParts } from '../../../edge-agent/actions/field-performer.ts'
import type { TurnMemory } from '../../../edge-agent/turn/ports.ts'
import { canonicalText } from '../../../shared/canonical.ts'
import { jsonSchemaOf } from '../../../shared/contracts/json-schema.ts'
import type { Contract } from '../../../shared/contracts/contract.ts'
import { tripwire } from '../../mutation/forged.ts'

/** Effects whose input broke with what it was before; every other is at 1. */
const MAJORS: Readonly<Record<string, number>> = {}

interface Made {
  readonly action: string
  readonly accepts: v.GenericSchema
}

export async function toolContracts(): Promise<readonly Contract[]> {
  const found = new Map<string, v.GenericSchema>()
  for (const { action, accepts } of [
    ...(await makers()),
    ...fieldTools(),
    ...deeds(),
    ...rolloutCommands(),
  ]) {
    const other = found.get(action)
    if (other !== undefined && canonicalText(jsonSchemaOf(other)) !== canonicalText(jsonSchemaOf(accepts)))
      throw new Error(`two effects are called ${action}, and take different things`)
    found.set(action, accepts)
  }
  return [...found].map(([action, schema]) => ({
    name: `tool.${action}`,
    kind: 'tool',
    // Whoever asks for an effect is the program itself or a bundle for it, and those are updated after it.
    way: 'in',
    major: MAJORS[action] ?? 1,
    schema,
  }))
}

/** Functions are named for it: whatever is called `…Performer` and exported makes one. */
async function makers(): Promise<readonly Made[]> {
  const made: Made[] = []
  for (const file of makersFiles()) {
    const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
    for (const [name, value] of Object.entries(module))
      if (name.endsWith('Performer') && typeof value === 'function') made.push(...call(value as Maker))
  }
  return made
}

/** Of the sources, or of what was built of them, as this file is one or the other. */
function makersFiles(): readonly string[] {
  const root = resolve(import.meta.dirname, '../../..')
  const extension = extname(import.meta.url)
  return ['shared', 'rollout', 'control-plane', 'edge-agent'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(extension) && !name.endsWith('.d.ts'))
      .map((name) => join(root, folder, name))
      .filter((file) => /export function \w+Performer\b/.test(readFileSync(file, 'utf8'))),
  )
}

type Maker = (...args: unknown[]) => unknown

function call(make: Maker): readonly Made[] {
  const wire = tripwire(() => undefined)
  const made = make(wire, wire, wire, wire) as Partial<Made>
  // A maker of many kinds is given its kind by those who use it, and is met there.
  return typeof made.action === 'string' && !made.action.includes('tripwire') ? [made as Made] : []
}

function fieldTools(): readonly Made[] {
  const wire = tripwire(() => undefined)
  return FIELD_INTENTS.flatMap((intent) => {
    const action = fieldAction(wire as FieldParts, intent, {}, wire as TurnMemory)
    return action === null ? [] : [action.performer]
  })
}

function rolloutCommands(): readonly Made[] {
  const wire = tripwire(() => undefined)
  return (Object.keys(COMMANDS) as CommandWord[]).map((word) => commandPerformer(wire as RolloutParts, word))
}

function deeds(): readonly Made[] {
  const wire = tripwire(() => undefined)
  return WRITE_DEEDS.map((deed) => deedPerformer(wire as LocalWrites, deed))
}
