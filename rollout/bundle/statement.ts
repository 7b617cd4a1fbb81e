/** in-toto Statement v1 (github.com/in-toto/attestation, spec/v1/statement.md): which bytes, and what is claimed of them. */
import * as v from 'valibot'
import type { BundleFile } from '../../shared/wire/bundle.ts'

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

export const Digest = v.object({ sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })
export const SubjectSchema = v.object({ name: v.string(), digest: Digest })
export type Subject = v.InferOutput<typeof SubjectSchema>

/** Consumers ignore fields that they do not know, as the specification asks. */
export function statementSchema<T extends string, P extends v.GenericSchema>(
  predicateType: T,
  predicate: P,
): v.ObjectSchema<
  {
    readonly _type: v.LiteralSchema<typeof STATEMENT_TYPE, undefined>
    readonly subject: v.ArraySchema<typeof SubjectSchema, undefined>
    readonly predicateType: v.LiteralSchema<T, undefined>
    readonly predicate: P
  },
  undefined
> {
  return v.object({
    _type: v.literal(STATEMENT_TYPE),
    subject: v.array(SubjectSchema),
    predicateType: v.literal(predicateType),
    predicate,
  })
}

/** Files as subjects, in order of path. */
export function subjectsOf(files: readonly BundleFile[]): Subject[] {
  return files
    .map(({ path, sha256 }) => ({ name: path, digest: { sha256 } }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** What of `files` a statement does not speak of, or speaks of with other bytes, in words; null when it fits. */
export function subjectFault(subject: readonly Subject[], files: readonly BundleFile[]): string | null {
  const expected = subjectsOf(files)
  for (const { name, digest } of expected) {
    const named = subject.find((one) => one.name === name)
    if (named === undefined) return `${name} is no subject of it`
    if (named.digest.sha256 !== digest.sha256)
      return `${name} is ${digest.sha256}, the statement is about ${named.digest.sha256}`
  }
  const foreign = subject.find(({ name }) => !expected.some((file) => file.name === name))
  if (foreign !== undefined) return `it is about ${foreign.name}, which the bundle does not hold`
  return subject.length === expected.length ? null : 'it names a file twice'
}
