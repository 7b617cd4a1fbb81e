/** What a shape request can be refused for. `field` names the parameter, as the protocol's error body does. */
import { StarlingError } from '../../shared/errors.ts'

/** HTTP 400: `{"message":"Invalid request","errors":{[field]:[message]}}`. */
export class InvalidShapeRequest extends StarlingError {
  override readonly code = 'invalid_shape_request'
  readonly field: string

  constructor(field: string, message: string) {
    super(message, { remedy: 'Correct the parameter that the message names.', details: { field } })
    this.field = field
  }
}

/** The table is locked by a transaction of someone else: HTTP 503, to be tried again. */
export class TableBusy extends StarlingError {
  override readonly code = 'table_busy'

  constructor(cause: unknown) {
    super('Snapshot timed out while waiting for a table lock', {
      remedy: 'Try again once the transaction that holds the table has ended.',
      cause,
    })
  }
}

/** A shape lost its table again and again while it was made. */
export class ShapeUnsettled extends StarlingError {
  override readonly code = 'shape_unsettled'

  constructor(table: string) {
    super(`the table ${table} changed at every attempt to read it`, {
      remedy: 'Try again when its schema rests.',
      details: { table },
    })
  }
}

/** Another shape server has taken over this database; two would each take changes that the other's logs need. */
export class ShapesTakenOver extends StarlingError {
  override readonly code = 'shapes_taken_over'

  constructor() {
    super('another shape server has taken over this database', {
      remedy: 'Let one centre serve the shapes of a database; restart this one to take them back.',
    })
  }
}
