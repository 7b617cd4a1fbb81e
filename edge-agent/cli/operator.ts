/** The command line as operator of a centre that runs on this machine: it reads the operator's token from its file. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import type { RunFile } from './run-files.ts'

const ANSWER_WITHIN_MS = 30_000

export class CentreRefused extends StarlingError {
  override readonly code = 'centre_refused'
}

const TokenSchema = v.object({ token: v.string() })

/** Makes a one-time enrolment token at the centre. Throws {@link CentreRefused}. */
export async function issueToken(
  hub: RunFile['hub'],
  names: { readonly device: string; readonly site: string },
): Promise<string> {
  const { device, site } = names
  const answer = await atCentre(hub, '/api/tokens', {
    method: 'POST',
    body: JSON.stringify({ device, site }),
  })
  return v.parse(TokenSchema, answer).token
}

/** Calls the centre's API as its operator; returns the JSON. Throws {@link CentreRefused}. */
export async function atCentre(hub: RunFile['hub'], path: string, init: RequestInit = {}): Promise<unknown> {
  const token = readFileSync(hub.operatorToken, 'utf8')
  let status: number
  let value: unknown
  try {
    const answer = await fetch(new URL(path, hub.http), {
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        // A form brings its own, with the boundary between its parts.
        ...(init.body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
    status = answer.status
    value = await answer.json()
  } catch (cause) {
    throw refused(hub, (cause as Error).message, 'Check that the centre runs.', cause)
  }
  if (status < 400) return value
  const report = value as Partial<ErrorReport>
  throw refused(hub, report.message ?? `it answered ${status}`, report.remedy ?? 'See its log.')
}

function refused(hub: RunFile['hub'], why: string, remedy: string, cause?: unknown): CentreRefused {
  return new CentreRefused(`the centre at ${hub.http} refused: ${why}`, { remedy, cause })
}
