/**
 * A list of schema steps tried on a fresh device database before it is published, and what that shows: the form after each of them.
 * A schema bundle holds no model; its golden set is that form, and its evaluation is that every step ran.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { planSchema } from '../../rollout/schema-plan.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { DEVICE_METRICS } from '../../shared/wire/metric-contract.ts'
import { SCHEMA_STEPS_FILE, SchemaStepsSchema, type SchemaSteps } from '../../shared/wire/schema-steps.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { migrate } from '../agent/migrations.ts'
import { columnsOf, type GoldenForm } from './form.ts'
import { SchemaRefused } from './signed-steps.ts'

export interface TriedOut {
  readonly facts: JsonObject
  readonly golden: GoldenForm
}

/** Throws {@link SchemaRefused} for a list that no device would take, and the database's own error for a step that does not run. */
export async function tryOutSchema(bytes: Uint8Array, licence: string): Promise<TriedOut> {
  const list = listOf(bytes)
  const folder = await mkdtemp(join(tmpdir(), 'starling-schema-'))
  try {
    const db = await openDatabase({ dir: folder })
    try {
      await migrate(db)
      const before = await columnsOf(db)
      for (const { statements } of list.steps)
        await db.transaction(async (tx) => {
          for (const statement of statements) await tx.query(statement)
        })
      const after = await columnsOf(db)
      return {
        facts: factsOf(list, bytes, licence),
        golden: {
          v: 1,
          added: after.filter((column) => !before.includes(column)),
          removed: before.filter((column) => !after.includes(column)),
        },
      }
    } finally {
      await db.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function listOf(bytes: Uint8Array): SchemaSteps {
  const parsed = v.safeParse(SchemaStepsSchema, jsonOf(bytes))
  if (!parsed.success) throw new SchemaRefused('malformed', describeIssues(parsed.issues))
  const plan = planSchema(parsed.output, [], [])
  if (plan.kind === 'refused') throw new SchemaRefused(plan.reason, plan.detail)
  return parsed.output
}

function factsOf(list: SchemaSteps, bytes: Uint8Array, licence: string): JsonObject {
  const steps = list.steps.length
  const sha256 = sha256Hex(bytes)
  return {
    v: 1,
    minimalRuntime: '0.1.0',
    provenance: {
      recipe: 'starling bundle build',
      builder: 'urn:starling:bundle-build',
      parameters: { steps },
      datasets: [
        {
          name: SCHEMA_STEPS_FILE,
          use: 'configuration',
          sha256,
          licence,
          consent: { state: 'not-needed', note: 'Statements that its author wrote; no data of anybody.' },
        },
      ],
      transforms: [{ step: 'every step run on a fresh device database', tool: 'starling bundle build' }],
    },
    evaluation: {
      method: 'a fresh device database takes every step, in order',
      heldBack: { name: 'the steps themselves', sha256, items: Math.max(1, steps), licence },
      figures: [{ name: 'steps_taken', value: 1, low: 1, high: 1, of: Math.max(1, steps) }],
      incumbent: null,
    },
    metrics: [
      ...DEVICE_METRICS,
      { name: 'steps_taken', unit: 'share', direction: 'higher', source: 'evaluation', threshold: 1 },
    ],
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // The schema refuses it.
  }
}
