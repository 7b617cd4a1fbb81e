/**
 * `starling rollout watch`: a campaign as it goes, from the centre's server-sent events. On a terminal its picture is drawn anew
 * at every change; anywhere else it is a line a change, and with `--json` a JSON value a line.
 */
import { readFileSync } from 'node:fs'
import { StarlingError, type ErrorReport } from '../../../shared/errors.ts'
import type { Call } from '../call.ts'
import { operating, type AsOption } from '../operate.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { changeLine, statusLines, type Campaign } from './rollout-lines.ts'

export class WatchEnded extends StarlingError {
  override readonly code = 'watch_ended'
}

/** What the centre refused, under the centre's own code. */
export class WatchRefused extends StarlingError {
  override readonly code: string

  constructor({ code, message, remedy }: ErrorReport) {
    super(message, { remedy })
    this.code = code
  }
}

/** Nothing more happens by itself in these. */
const AT_REST = new Set(['complete', 'halted', 'cancelled', 'superseded'])

/** Exit code `refused` when the campaign was halted or cancelled. */
export async function rolloutWatch(call: Call, campaign: string, as: AsOption): Promise<ExitCode> {
  const draw = drawer(call)
  let last: Campaign | null = null
  for await (const seen of changesOf(call, campaign, as)) {
    last = seen
    draw(seen)
    if (AT_REST.has(seen.phase)) break
  }
  if (last === null || (!AT_REST.has(last.phase) && !call.signal.aborted))
    throw new WatchEnded('the centre ended the connection', { remedy: 'Watch again once it runs.' })
  return last.phase === 'halted' || last.phase === 'cancelled' ? EXIT.refused : EXIT.ok
}

function drawer({ output }: Call): (seen: Campaign) => void {
  if (output.json) return (seen) => output.answer(seen, [])
  if (!process.stdout.isTTY) return (seen) => output.answer(null, [changeLine(seen)])
  let height = 0
  return (seen) => {
    const lines = statusLines(seen)
    // Back to the first line of the picture before, and clear from there.
    process.stdout.write(height === 0 ? '' : `\u001b[${height}A\u001b[0J`)
    output.answer(null, lines)
    height = lines.length
  }
}

async function* changesOf(call: Call, campaign: string, as: AsOption): AsyncGenerator<Campaign> {
  const { hub } = operating(call, as)
  const answer = await fetch(new URL(`/api/rollouts/${encodeURIComponent(campaign)}/watch`, hub.http), {
    headers: { authorization: `Bearer ${readFileSync(hub.operatorToken, 'utf8')}` },
    signal: call.signal,
  })
  if (answer.status >= 400 || answer.body === null) {
    const report = (await answer.json()) as ErrorReport
    throw new WatchRefused(report)
  }
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = text
          .slice(0, end)
          .split('\n')
          .find((line) => line.startsWith('data: '))
        text = text.slice(end + 2)
        if (data !== undefined) yield JSON.parse(data.slice('data: '.length)) as Campaign
      }
    }
  } catch (thrown) {
    if (!call.signal.aborted) throw thrown
  }
}
