/** A clause that does not read, with the place. The protocol counts from the start of `SELECT 1 WHERE …`. */
import { StarlingError } from '../../../shared/errors.ts'

const BEFORE_CLAUSE = 'SELECT 1 WHERE '.length

export class SyntaxAt extends StarlingError {
  override readonly code = 'clause_syntax'

  constructor(at: number, problem: string) {
    super(`At location ${at + BEFORE_CLAUSE}: ${problem}`, {
      remedy: 'Correct the clause at that place.',
      details: { at },
    })
  }

  static near(shown: string, at: number): SyntaxAt {
    return new SyntaxAt(
      at,
      shown === '' ? 'syntax error at end of input' : `syntax error at or near "${shown}"`,
    )
  }
}
