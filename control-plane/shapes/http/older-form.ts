/** Messages of a named shape in the form of a device that is one version behind. Pure. */
import type { TableStep } from '../../../shared/context/version.ts'
import type { JsonObject } from '../../../shared/json.ts'

/** Values are PostgreSQL's text, and so is a row's body. */
type Values = Readonly<Record<string, string | null>>

interface Message {
  readonly value?: Values
  readonly old_value?: Values
}

/** Messages joined by commas, of any kind: only what holds a body is another afterwards. */
export function inOlderForm(step: TableStep, messages: string): string {
  const rewritten = (values: Values): Values =>
    typeof values['body'] === 'string'
      ? { ...values, body: JSON.stringify(step.down(JSON.parse(values['body']) as JsonObject)) }
      : values
  return (JSON.parse(`[${messages}]`) as readonly Message[])
    .map(({ value, old_value: oldValue, ...rest }) =>
      JSON.stringify({
        ...rest,
        ...(value === undefined ? {} : { value: rewritten(value) }),
        ...(oldValue === undefined ? {} : { old_value: rewritten(oldValue) }),
      }),
    )
    .join(',')
}
