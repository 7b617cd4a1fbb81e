/** The command line as operator of a centre that runs on this machine: it reads the operator's token from its file. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import type { RunFile } from './run-files.ts'

const NO_CODE = 'centre_refused'
const ANSWER_WITHIN_MS = 30_000

/** What the centre refused, by the centre's own code; `centre_refused` where it gave none, or nobody answered. */
export class CentreRefused extends StarlingError {
  override readonly code: string

  constructor(code: string, message: string, options: { readonly remedy: string; readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
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
    throw new CentreRefused(
      NO_CODE,
      `the centre at ${hub.http} did not answer: ${(cause as Error).message}`,
      {
        remedy: 'Check that the centre runs.',
        cause,
      },
    )
  }
  if (status < 400) return value
  const report = value as Partial<ErrorReport>
  throw new CentreRefused(
    report.code ?? NO_CODE,
    `the centre at ${hub.http} refused: ${report.message ?? `it answered ${status}`}`,
    { remedy: report.remedy ?? 'See its log.' },
  )
}
