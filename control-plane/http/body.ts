/** A request's body: JSON, or a form. */
import type * as v from 'valibot'
import { decodeJson } from '../../shared/wire/answer.ts'

/** Parses a JSON body by its schema. Throws MalformedMessage. */
export async function bodyOf<T>(
  request: { arrayBuffer(): Promise<ArrayBuffer> },
  schema: v.GenericSchema<unknown, T>,
): Promise<T> {
  return decodeJson(schema, new Uint8Array(await request.arrayBuffer()))
}

/** A form's fields by name, and its files as lists under theirs; nothing of a body that is no form. */
export async function formOf(request: Request): Promise<Readonly<Record<string, string | readonly File[]>>> {
  const form = await request.formData().catch(() => new FormData())
  const fields: Record<string, string | readonly File[]> = {}
  for (const name of new Set(form.keys())) {
    const files = form.getAll(name).filter((value) => value instanceof File)
    const [text] = form.getAll(name).filter((value) => typeof value === 'string')
    fields[name] = files.length > 0 ? files : (text ?? '')
  }
  return fields
}
