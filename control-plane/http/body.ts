/** A request's JSON body. */
import type * as v from 'valibot'
import { decodeJson } from '../../shared/wire/answer.ts'

/** Parses a JSON body by its schema. Throws MalformedMessage. */
export async function bodyOf<T>(
  request: { arrayBuffer(): Promise<ArrayBuffer> },
  schema: v.GenericSchema<unknown, T>,
): Promise<T> {
  return decodeJson(schema, new Uint8Array(await request.arrayBuffer()))
}
