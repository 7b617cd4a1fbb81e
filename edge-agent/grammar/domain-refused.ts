/** A domain file that cannot be used: where, why, and what to write instead. */
import { StarlingError } from '../../shared/errors.ts'

/** From 1, as editors count. */
export interface Place {
  readonly line: number
  readonly column: number
}

export class DomainRefused extends StarlingError {
  override readonly code = 'domain_refused'

  constructor(where: { readonly file: string; readonly place: Place | null }, why: string, remedy: string) {
    const { file, place } = where
    const at = place === null ? file : `${file}:${place.line}:${place.column}`
    super(`${at}: ${why}`, { remedy, details: { file, ...place } })
  }
}
