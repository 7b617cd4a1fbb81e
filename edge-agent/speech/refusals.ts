/** Failures of the recogniser's threads, in the thread of whoever asked. */
import { type ErrorReport, StarlingError } from '../../shared/errors.ts'
import { ModelRefused, RecogniserBusy, RecogniserGone } from './errors.ts'

export class Refusal extends StarlingError {
  override readonly code: string

  constructor(report: ErrorReport) {
    super(report.message, {
      remedy: report.remedy,
      ...(report.details === undefined ? {} : { details: report.details }),
    })
    this.code = report.code
  }
}

/** What a thread told of its failure, as an error of this one. */
export function revived(report: ErrorReport): StarlingError {
  const options = {
    remedy: report.remedy,
    ...(report.details === undefined ? {} : { details: report.details }),
  }
  return report.code === 'model_refused' ? new ModelRefused(report.message, options) : new Refusal(report)
}

export function gone(how: string, remedy = 'Open a recogniser again.'): RecogniserGone {
  return new RecogniserGone(`the recogniser is not running: ${how}`, { remedy })
}

export function busy(why: string): RecogniserBusy {
  return new RecogniserBusy(why, { remedy: 'Finish a stream before opening another.' })
}
