/** What every command knows of its call: where the data lies, how to answer, when to stop. */
import { openHome, type Home } from '../home.ts'
import { openOutput, type Output } from './output.ts'

export interface Call {
  readonly home: Home
  readonly output: Output
  readonly env: NodeJS.ProcessEnv
  /** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal
}

export interface CommonOptions {
  readonly data?: string
  readonly json?: boolean
}

export function openCall(options: CommonOptions): Call {
  return {
    home: openHome({ data: options.data, env: process.env }),
    output: openOutput({ json: options.json === true, out: process.stdout, err: process.stderr }),
    env: process.env,
    signal: stopSignal(),
  }
}

function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}
