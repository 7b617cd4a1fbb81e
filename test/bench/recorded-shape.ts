/** What a real shape server answered, kept, to be answered again: the device's own cost, without the server's. */
import { freeFormShapes } from '../../control-plane/shapes/http/free-form.ts'
import { systemClock } from '../../shared/clock.ts'
import { openLog } from '../../shared/log.ts'
import { openCentreStage, tenant, type CentreStage } from '../edge-agent/context/stage.ts'

/** The row that is changed last. */
export const MARKER = 'zz-marker'
/** As the server's own. */
const CHUNK_BYTES = 1024 * 1024
const POLL_MS = 20_000
const COLUMNS = 'tenant,tbl,key,site,device,version,write_id,body'

interface Kept {
  readonly status: number
  readonly headers: readonly [string, string][]
  readonly body: string
}

/** Answers by the offset that they follow; a waiting request is held until an answer is added. */
export class RecordedShape {
  readonly #answers = new Map<string, Kept>()
  #added: () => void = () => undefined
  #more = new Promise<void>((resolve) => (this.#added = resolve))
  bytes = 0

  add(offset: string, answer: Kept): void {
    this.#answers.set(offset, answer)
    this.bytes += answer.body.length
    this.#added()
    this.#more = new Promise<void>((resolve) => (this.#added = resolve))
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const query = new URL(request.url).searchParams
    const offset = query.get('offset') ?? ''
    const isLive = query.get('live') === 'true'
    for (;;) {
      const kept = this.#answers.get(offset)
      const isNews =
        kept !== undefined &&
        !kept.headers.some(([name, value]) => name === 'electric-offset' && value === offset)
      if (kept !== undefined && (!isLive || isNews)) return responseOf(kept, isLive)
      await this.#wait(request.signal)
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    let aborted: () => void = () => undefined
    const gone = new Promise<never>((_resolve, reject) => {
      aborted = () => reject(signal.reason as Error)
      signal.addEventListener('abort', aborted, { once: true })
    })
    try {
      await Promise.race([this.#more, gone])
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }
}

function responseOf({ status, headers, body }: Kept, isLive: boolean): Response {
  const told = new Headers([...headers])
  if (isLive) told.set('electric-cursor', String(performance.now()))
  return new Response(body, { status, headers: told })
}

export interface Recording {
  /** By `offset=-1` onwards to the end of the first load. */
  readonly first: ReadonlyMap<string, Kept>
  /** From there on: every row changed once, the marker last. */
  readonly changes: ReadonlyMap<string, Kept>
  /** The rows as they were loaded, for the baseline. */
  readonly rows: readonly { readonly key: string; readonly version: string; readonly body: string }[]
}

/** Has a real server answer for `rows` rows, then for a change of each of them, `perTransaction` at a time. */
export async function recordShape(
  kind: 'named' | 'free-form',
  rows: number,
  perTransaction: number,
): Promise<Recording> {
  const centre = await openCentreStage({ pollMs: POLL_MS, chunkBytes: CHUNK_BYTES })
  try {
    await centre.db.query(
      `insert into ops.row (tenant, tbl, key, version, body, columns)
       select $1, 'part', case when i = 0 then $2 else 'k' || i end, nextval('ops.version'),
         jsonb_build_object('number', i::text, 'name', 'before', 'unit', 'piece', 'stock', i, 'aliases', '["one","two"]'::jsonb, 'note', repeat('x', 120)),
         '{}'::jsonb
       from generate_series(0, $3::int) i`,
      [tenant, MARKER, rows],
    )
    const ask = asker(kind, centre)
    const first = await ask('-1', null)
    const { end, handle } = first
    const loaded = await centre.db.query<{ key: string; version: string; body: string }>(
      `select key, version::text as version, body::text as body from ops.row order by version`,
    )
    await changeAll(centre, rows, perTransaction)
    const { answers: changes } = await ask(end, handle)
    return { first: first.answers, changes, rows: loaded }
  } finally {
    await centre.close()
  }
}

async function changeAll(centre: CentreStage, rows: number, perTransaction: number): Promise<void> {
  const change = `update ops.row set version = nextval('ops.version'), body = jsonb_set(body, '{name}', '"after"') where tbl = 'part'`
  for (let from = 1; from <= rows; from += perTransaction)
    await centre.db.query(`${change} and key <> $1 and (body->>'stock')::int between $2 and $3`, [
      MARKER,
      from,
      from + perTransaction - 1,
    ])
  await centre.db.query(`${change} and key = $1`, [MARKER])
}

function asker(kind: 'named' | 'free-form', centre: CentreStage) {
  const log = openLog({ part: 'bench', clock: systemClock, json: false, write: () => undefined })
  const open = freeFormShapes({ server: centre.shapes.server, clock: systemClock, log, pollMs: POLL_MS })
  const shape =
    kind === 'named'
      ? '/v1/shapes/part?'
      : `/v1/shape?${new URLSearchParams({ table: 'ops.row', where: `tbl = 'part'`, columns: COLUMNS }).toString()}&`
  return async (from: string, known: string | null) => {
    const answers = new Map<string, Kept>()
    let offset = from
    let handle = known
    for (;;) {
      const url = `http://centre${shape}offset=${offset}${handle === null ? '' : `&handle=${handle}`}`
      const request = new Request(url, { headers: { authorization: `Bearer ${centre.token()}` } })
      const response = await (kind === 'named' ? centre.fetch(request) : open.fetch(request))
      const kept = { status: response.status, headers: [...response.headers], body: await response.text() }
      answers.set(offset, kept)
      offset = response.headers.get('electric-offset') ?? ''
      handle = response.headers.get('electric-handle')
      if (response.status !== 200) throw new Error(kept.body)
      if (response.headers.has('electric-up-to-date')) {
        // Asked again from where it ended, the answer is that nothing came.
        const idle = {
          ...kept,
          body: kept.body.replace(/^.*(\{"headers":\{"control":"up-to-date".*)$/s, '[$1'),
        }
        answers.set(offset, idle)
        return { answers, end: offset, handle }
      }
    }
  }
}
