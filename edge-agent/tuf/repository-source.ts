/** Where a TUF repository's files come from: the port of the updater. Nothing that it brings is believed. */
import { StarlingError } from '../../shared/errors.ts'

export interface RepositorySource {
  /** A metadata file of at most `limitBytes`; undefined when the repository has none of that name. Throws {@link TufUnreachable}. */
  metadata(name: string, limitBytes: number): Promise<Uint8Array | undefined>
  /** A target's bytes as they come, at most `limitBytes`. Throws {@link TufUnreachable}. */
  target(location: string, limitBytes: number): AsyncIterable<Uint8Array>
}

const REMEDIES = {
  absent: 'Publish the file that the signed metadata names, or wait until the mirror has it.',
  failed: 'See that the repository runs and can be reached; then try again.',
  endless: 'The server sends more than the metadata allows: find out who answers there.',
  slow: 'The server sends too slowly to be of use: try again, or ask another mirror.',
} as const

/** A repository that did not deliver; what is trusted stays as it was. */
export class TufUnreachable extends StarlingError {
  override readonly code = 'tuf_unreachable'
  readonly reason: keyof typeof REMEDIES

  constructor(reason: keyof typeof REMEDIES, what: string, cause?: unknown) {
    super(what, { remedy: REMEDIES[reason], details: { reason }, cause })
    this.reason = reason
  }
}
