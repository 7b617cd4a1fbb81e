// Calls to the centre. What it refuses comes with its remedy; a missing or expired session is its own kind.
export class Denied extends Error {}

/** What the centre said no to, by its own code. */
export class Refused extends Error {
  constructor({ code, message, remedy }, status) {
    super(message)
    this.code = code
    this.remedy = remedy
    this.status = status
  }
}

/** A connection that hangs is as good as none. */
const ANSWER_WITHIN_MS = 20_000

export async function call(path, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS), ...options })
  if (answer.status === 401) throw new Denied()
  const value = await answer.json()
  if (!answer.ok) throw new Refused(value, answer.status)
  return value
}

export async function send(method, path, body) {
  return await call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

/** True where nobody answered: the centre is away, not of another opinion. */
export const isAway = (error) => error instanceof TypeError || error?.name === 'TimeoutError' || error?.name === 'AbortError'

/** What to tell a person; `undone` says what did not happen. */
export function toldOf(error, undone = '') {
  if (isAway(error)) return `The centre does not answer${undone === '' ? '' : `: ${undone}`}.`
  return [sentence(error.message), error.remedy].filter(Boolean).join(' ')
}

const sentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`).replace(/^./, (first) => first.toUpperCase())
export const query = (values) => {
  const used = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '')
  return used.length === 0 ? '' : `?${new URLSearchParams(used)}`
}
