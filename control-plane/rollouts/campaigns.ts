/**
 * The campaigns that decide what devices run: their states, made by the pure reducer from the log, and what follows for one
 * device. What is held in memory is only ever the state at a place of the log; whoever asks gets it brought up to the log's end.
 */
import * as v from 'valibot'
import { assignmentFor } from '../../rollout/campaign/assignment.ts'
import { stateHash } from '../../rollout/campaign/digest.ts'
import { parsePlan } from '../../rollout/campaign/plan.ts'
import { openCampaign, type CampaignState } from '../../rollout/campaign/state.ts'
import type { Json } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { CampaignDiverged, NoSuchCampaign, nullIfDiverged } from './errors.ts'
import { caughtUp, type Held } from './event-log.ts'

/** By bundle: what a device shall run; null where it keeps what it has for the moment. */
export type Assigned = ReadonlyMap<string, DesiredBundle | null>

export interface Campaigns {
  /** Up to the end of the log as `sql` sees it. Throws {@link NoSuchCampaign} and {@link CampaignDiverged}. */
  current(sql: Queryable, id: string): Promise<Held>
  /** Those that still decide something (`isOver`), oldest first, and about which bundle. */
  live(sql: Queryable): Promise<readonly { readonly id: string; readonly bundle: string }[]>
  assigned(sql: Queryable, device: string): Promise<Assigned>
}

type CampaignRow = {
  readonly id: string
  readonly plan: Json
  readonly opened_ms: number
  readonly checkpoint_seq: number
  readonly checkpoint_hash: string
}

export function openCampaigns(): Campaigns {
  const cache = new Map<string, Held>()
  const current = async (sql: Queryable, id: string): Promise<Held> => {
    const known = cache.get(id)
    const held = known ?? (await opened(sql, id))
    const now = await caughtUp(sql, id, held)
    // What a transaction sees may be rolled back: only what is committed is kept.
    if (!isTransaction(sql) && now !== known) cache.set(id, now)
    return now
  }
  const live: Campaigns['live'] = async (sql) =>
    await sql.query<{ id: string; bundle: string }>(
      'select id, bundle from rollout.campaign where not over order by created_at, id',
    )
  return {
    current,
    live,
    assigned: async (sql, device) => {
      const found = new Map<string, DesiredBundle | null>()
      for (const { id, bundle: name } of await live(sql)) {
        // Where nobody can say what was decided, a device keeps what it has.
        const held = await current(sql, id).catch(nullIfDiverged)
        const bundle = held === null ? null : bundleFor(held.state, device)
        if (bundle !== undefined) found.set(name, bundle)
      }
      return found
    },
  }
}

/** Undefined where the campaign has nothing to say about the device. */
function bundleFor(state: CampaignState, device: string): DesiredBundle | null | undefined {
  const assignment = assignmentFor(state, device)
  if (assignment.kind === 'none' || state.phase === 'awaiting_approval') return undefined
  if (assignment.kind === 'await_statement') return null
  const { bundle, generation, runs, shadowInputs } = assignment
  const back = runs === 'last_good' && (state.devices.get(device)?.grant ?? null) !== null
  return {
    ...bundle,
    offer: generation,
    ...(back ? { returnFrom: state.plan.candidate.envelopeSha256 } : {}),
    ...(shadowInputs > 0 ? { shadow: { turns: shadowInputs, hours: SHADOW_AT_MOST_HOURS } } : {}),
  }
}

/** A device that hears nothing would run its shadow for ever. A small fleet needs days, so it is as long as the wire allows. */
const SHADOW_AT_MOST_HOURS = 168

/** The state from the log alone, held against the checkpoint that was written when it was decided on. */
async function opened(sql: Queryable, id: string): Promise<Held> {
  const [row] = await sql.query<CampaignRow>(
    `select id, plan, opened_ms, checkpoint_seq, checkpoint_hash from rollout.campaign where id = $1`,
    [v.is(v.pipe(v.string(), v.maxLength(100)), id) ? id : ''],
  )
  if (row === undefined)
    throw new NoSuchCampaign(`there is no campaign ${id.slice(0, 100)}`, {
      remedy: 'See the list: starling rollout status.',
    })
  const empty: Held = { seq: 0, state: openCampaign(parsePlan(row.plan), row.opened_ms) }
  const held = await caughtUp(sql, id, empty, row.checkpoint_seq)
  const hash = stateHash(held.state)
  if (held.seq !== row.checkpoint_seq || hash !== row.checkpoint_hash)
    throw new CampaignDiverged(
      `the log of ${id} makes ${hash.slice(0, 12)} of event ${held.seq}, and ${row.checkpoint_hash.slice(0, 12)} was written down at ${row.checkpoint_seq}`,
      {
        remedy:
          'Nothing more is decided on it. Restore the database from a backup, or cancel it and create a new one.',
      },
    )
  return held
}

function isTransaction(sql: Queryable): boolean {
  return 'kind' in sql
}
