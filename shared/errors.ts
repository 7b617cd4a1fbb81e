/**
 * The one base of every failure that Starling names.
 *
 * A failure of the world is an exception of a subclass with a literal `code`; an expected outcome is a value.
 * `message` names the cause, `remedy` what a person can do about it.
 */
export abstract class StarlingError extends Error {
  abstract readonly code: string
  readonly remedy: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    message: string,
    options: {
      remedy: string
      cause?: unknown
      details?: Readonly<Record<string, unknown>>
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.remedy = options.remedy
    this.details = options.details ?? {}
  }
}

/** The shape in which an error leaves a process: over HTTP, over NATS, or as `--json`. */
export interface ErrorReport {
  readonly code: string
  readonly message: string
  readonly remedy: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Renders any thrown value; an unknown one becomes `internal`, without its stack. */
export function reportError(thrown: unknown): ErrorReport {
  if (thrown instanceof StarlingError) {
    const report = { code: thrown.code, message: thrown.message, remedy: thrown.remedy }
    return Object.keys(thrown.details).length === 0 ? report : { ...report, details: thrown.details }
  }
  return {
    code: 'internal',
    message: thrown instanceof Error ? thrown.message : String(thrown),
    remedy: 'This is a fault in Starling: keep the log and report it.',
  }
}

/** A broken invariant: a bug, never an input. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken'
}

/** Throws {@link InvariantBroken} unless `condition` holds. */
export function invariant(condition: unknown, statement: string): asserts condition {
  if (!condition) throw new InvariantBroken(`invariant broken: ${statement}`)
}
