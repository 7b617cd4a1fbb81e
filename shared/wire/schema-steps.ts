/**
 * The list of steps that bring a device's database from one form to the next, as it travels: the file `schema-steps.json` in a
 * bundle of the kind `schema`, so that it is signed, fetched, tried and taken up like any other bundle.
 */
import * as v from 'valibot'

export const SCHEMA_STEPS_FILE = 'schema-steps.json'
/** The one bundle of the kind `schema` that a device follows. */
export const SCHEMA_BUNDLE = 'schema'

const Name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_.-]{0,79}$/))
/** What readers depend on, by a name that the lists agree on: a table, a column, a meaning. */
const Forms = v.pipe(v.array(Name), v.maxLength(200))
const Statement = v.pipe(v.string(), v.minLength(1), v.maxLength(20_000))

const StepSchema = v.strictObject({
  number: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** `expand` adds beside what is there; `contract` removes what nobody uses any more. */
  kind: v.picklist(['expand', 'contract']),
  name: Name,
  /** Of a contract step: the forms that are gone after it. */
  removes: v.exactOptional(Forms),
  statements: v.pipe(v.array(Statement), v.minLength(1), v.maxLength(64)),
})
export type SchemaStep = v.InferOutput<typeof StepSchema>

export const SchemaStepsSchema = v.strictObject({
  v: v.literal(1),
  /** The forms that readers of this version use. */
  uses: Forms,
  steps: v.pipe(v.array(StepSchema), v.maxLength(1_000)),
})
export type SchemaSteps = v.InferOutput<typeof SchemaStepsSchema>
