/**
 * For whom a root is: development or production, and which of the two repositories. Other TUF clients keep both as unknown
 * fields. A device and a centre look at them before they believe a root, so that no key of one can ever speak for another.
 */
import type { Environment } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { RepositoryName } from '../../shared/wire/repository.ts'
import { readRoot } from './metadata.ts'
import { TufRefused } from './refused.ts'

export interface Audience {
  readonly environment: Environment
  readonly repository: RepositoryName
}

const ENVIRONMENT_FIELD = 'x-starling-environment'
const REPOSITORY_FIELD = 'x-starling-repository'

/** The fields of a root that say so. */
export function audienceFields({ environment, repository }: Audience): JsonObject {
  return { [ENVIRONMENT_FIELD]: environment, [REPOSITORY_FIELD]: repository }
}

/** Throws {@link TufRefused} (`wrong_audience`) unless the root is for this environment and repository. */
export function checkAudience(root: Uint8Array, expected: Audience): void {
  const document = rootBody(root)
  const [environment, repository] = [document[ENVIRONMENT_FIELD], document[REPOSITORY_FIELD]]
  if (environment !== expected.environment)
    throw new TufRefused(
      'wrong_audience',
      'root',
      `is for ${named(environment)}, and this is ${expected.environment}`,
    )
  // Development roots from before the two were told apart name none.
  if (repository === undefined && expected.environment === 'development') return
  if (repository !== expected.repository)
    throw new TufRefused(
      'wrong_audience',
      'root',
      `is of ${named(repository)}, and this is the ${expected.repository} repository`,
    )
}

/** A root must be for whom the one before it is. */
export function checkSuccession(before: Uint8Array, document: JsonObject): void {
  const was = rootBody(before)
  for (const field of [ENVIRONMENT_FIELD, REPOSITORY_FIELD])
    if (was[field] !== undefined && was[field] !== document[field])
      throw new TufRefused(
        'wrong_audience',
        'root',
        `is for ${named(document[field])}, the one before it for ${named(was[field])}`,
      )
  if (was[ENVIRONMENT_FIELD] === undefined && document[ENVIRONMENT_FIELD] !== undefined)
    throw new TufRefused('wrong_audience', 'root', 'names an environment, the one before it none')
}

/** What a root's signers signed. Throws {@link TufRefused} for what is no root. */
export function rootBody(bytes: Uint8Array): JsonObject {
  readRoot(bytes)
  return (JSON.parse(new TextDecoder().decode(bytes)) as { readonly signed: JsonObject }).signed
}

function named(value: unknown): string {
  return typeof value === 'string' ? value : 'nobody in particular'
}
