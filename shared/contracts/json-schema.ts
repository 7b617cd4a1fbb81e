/**
 * A schema of the program as JSON Schema (draft 2020-12), for a published contract. What JSON Schema cannot say (a check in code, a
 * pattern's flags) stands under `x-checks`, so that a change of it is a change of the contract all the same.
 */
import { toJsonSchema } from '@valibot/to-json-schema'
import type * as v from 'valibot'
import type { Json, JsonObject } from '../json.ts'

/** Keyword that holds what JSON Schema has no word for. */
export const CHECKS = 'x-checks'

/** What a value looks like on the wire: before the schema changes it. */
export function jsonSchemaOf(schema: v.GenericSchema): JsonObject {
  const made = toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode: 'input',
    errorMode: 'ignore',
    overrideAction: ({ valibotAction, jsonSchema, errors }) => {
      const check = checkOf(valibotAction, errors !== undefined)
      if (check === null) return null
      const before = (jsonSchema as JsonObject)[CHECKS]
      return {
        ...jsonSchema,
        [CHECKS]: [...(Array.isArray(before) ? (before as readonly Json[]) : []), check],
      }
    },
  })
  const { $schema: _draft, ...rest } = JSON.parse(JSON.stringify(made)) as JsonObject
  return rest
}

/** Null for an action that JSON Schema says in full, or that only changes the value. */
function checkOf(
  action: v.PipeAction<unknown, unknown, v.BaseIssue<unknown>>,
  isUnsaid: boolean,
): string | null {
  const { kind, type } = action
  if (kind !== 'validation') return null
  const requirement: unknown = 'requirement' in action ? action.requirement : undefined
  if (type === 'regex' && requirement instanceof RegExp)
    return requirement.flags === '' ? null : `${type}: ${String(requirement)}`
  if (!isUnsaid) return null
  const message: unknown = 'message' in action ? action.message : undefined
  return typeof message === 'string' ? `${type}: ${message}` : type
}
