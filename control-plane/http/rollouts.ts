/** Campaigns over the API: create one, see it, follow it live, decide about it, and why its gates said what they said. */
import { planDigest } from '../../rollout/campaign/plan.ts'
import { devicesOf, progressOf } from '../../rollout/campaign/progress.ts'
import { outlookOf } from '../../rollout/campaign/outlook.ts'
import { stateHash } from '../../rollout/campaign/digest.ts'
import { stragglersOf, viewOf } from '../../rollout/campaign/view.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Held } from '../rollouts/event-log.ts'
import {
  approvePerformer,
  COMMANDS,
  commandPerformer,
  overridePerformer,
  type CommandWord,
} from '../rollouts/commands.ts'
import type { Conductor } from '../rollouts/conductor.ts'
import { createPerformer } from '../rollouts/create.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { DraftSchema } from '../rollouts/draft.ts'
import { evidenceCourse } from '../rollouts/evidence-course.ts'
import { loadOf } from '../rollouts/load.ts'
import { listCampaigns } from '../rollouts/summary.ts'
import { endpoint, type Endpoint } from './endpoint.ts'
import { saidOf } from './fleet.ts'
import { following } from './following.ts'
import {
  ApproveBody,
  CampaignDevicesView,
  CampaignListView,
  CampaignParams,
  CampaignView,
  CommandBody,
  ResumeBody,
  DevicesQuery,
  EvidenceView,
  ExplainView,
  type CampaignAnswer,
  type ExplainAnswer,
} from './rollout-views.ts'

export interface RolloutApiParts {
  readonly db: Database
  readonly rollout: RolloutParts
  readonly conductor: Conductor
}

/** Stragglers that are shown; there is one page for a person to read. */
const SHOWN_STRAGGLERS = 100

export function rolloutEndpoints(parts: RolloutApiParts): readonly Endpoint[] {
  const words = Object.keys(COMMANDS) as CommandWord[]
  return [
    createEndpoint(parts),
    listEndpoint(parts),
    showEndpoint(parts),
    explainEndpoint(parts),
    evidenceEndpoint(parts),
    devicesEndpoint(parts),
    watchEndpoint(parts),
    approveEndpoint(parts),
    promoteEndpoint(parts),
    ...words.map((word) => commandEndpoint(parts, word)),
  ]
}

function createEndpoint({ db, rollout, conductor }: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/rollouts',
      tag: 'rollouts',
      summary: 'Creates a campaign. Nothing moves before others than its author have approved it.',
      body: DraftSchema,
      answer: CampaignView,
      status: 201,
      refusals: [403, 404, 409, 422],
    },
    async ({ body, principal }) => {
      const input = JSON.parse(JSON.stringify(body)) as JsonObject
      await conductor.carryOut(body.campaign, createPerformer(rollout), { input, principal })
      return await shown({ db, rollout, conductor }, body.campaign)
    },
  )
}

function listEndpoint({ db }: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts',
      tag: 'rollouts',
      summary: 'Every campaign, newest first.',
      answer: CampaignListView,
      refusals: [],
    },
    async () => ({ rollouts: [...(await listCampaigns(db))] }),
  )
}

function showEndpoint(parts: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts/{campaign}',
      tag: 'rollouts',
      summary:
        'How far a campaign is: phase, rings, devices, decisions, stragglers, and the hash of its state.',
      params: CampaignParams,
      answer: CampaignView,
      refusals: [404, 422],
    },
    async ({ params }) => await shown(parts, params.campaign),
  )
}

function explainEndpoint({ db, rollout }: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts/{campaign}/explanation',
      tag: 'rollouts',
      summary: 'What the gates said of each ring and why, from the evidence that was kept.',
      params: CampaignParams,
      answer: ExplainView,
      refusals: [404, 422],
    },
    async ({ params: { campaign } }) => {
      const { state, seq } = await rollout.campaigns.current(db, campaign)
      const kept = await db.query<{ seq: number; ring: string; outcome: string; at: string; verdict: Json }>(
        'select seq, ring, outcome, at, verdict from rollout.verdict where campaign = $1 order by seq',
        [campaign],
      )
      const now = state.rings.at(-1) ?? null
      return {
        campaign,
        phase: state.phase,
        seq,
        now: now === null ? null : { ring: now.name, outcome: now.outcome, verdict: now.verdict },
        outlook: outlookOf(state),
        kept: kept.map((row) => ({ ...row })),
        decisions: [...state.decisions],
      } as unknown as ExplainAnswer
    },
  )
}

function evidenceEndpoint({ db, rollout }: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts/{campaign}/evidence',
      tag: 'rollouts',
      summary: 'How the evidence of each gate went over time, thinned to what a chart can show.',
      params: CampaignParams,
      answer: EvidenceView,
      refusals: [404, 422],
    },
    async ({ params: { campaign } }) => {
      await rollout.campaigns.current(db, campaign)
      const points = await evidenceCourse(db, campaign)
      return {
        campaign,
        points: points.map(({ gates, ...point }) => ({
          ...point,
          gates: Object.fromEntries(Object.entries(gates).map(([gate, values]) => [gate, [...values]])),
        })),
      }
    },
  )
}

function devicesEndpoint({ db, rollout }: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts/{campaign}/devices',
      tag: 'rollouts',
      summary: 'The devices of a ring, or of a stage in it, and what each last said of the bundle.',
      params: CampaignParams,
      query: DevicesQuery,
      answer: CampaignDevicesView,
      refusals: [404, 422],
    },
    async ({ params: { campaign }, query: { ring = null, stage = null, find, after = null, limit } }) => {
      const { state } = await rollout.campaigns.current(db, campaign)
      const found = devicesOf(state, { ring, stage, find: find === '' ? null : find, after, limit })
      const bundle = state.plan.candidate.name
      const said = await saidOf(
        db,
        bundle,
        found.devices.map(({ device }) => device),
      )
      return {
        campaign,
        bundle,
        matching: found.matching,
        devices: found.devices.map((place) => ({
          ...place,
          seenAt: said.get(place.device)?.seenAt ?? null,
          said: said.get(place.device)?.bundle ?? null,
        })),
      }
    },
  )
}

function watchEndpoint(parts: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/rollouts/{campaign}/watch',
      tag: 'rollouts',
      summary: 'The campaign as it is and after every change, as server-sent events, until it is over.',
      params: CampaignParams,
      answer: CampaignView,
      answerType: 'text/event-stream',
      refusals: [404, 422],
    },
    async ({ params: { campaign }, context }) => {
      const first = await shown(parts, campaign)
      return following({
        first,
        look: async () => await shown(parts, campaign),
        subscribe: (heard) => parts.conductor.follow(campaign, heard),
        isOver: ({ phase }) => phase === 'cancelled' || phase === 'superseded',
        signal: context.req.raw.signal,
      })
    },
  )
}

function approveEndpoint(parts: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/rollouts/{campaign}/approve',
      tag: 'rollouts',
      summary:
        'Takes a signed approval of the plan; with the last one that it asks for, the campaign starts.',
      params: CampaignParams,
      body: ApproveBody,
      answer: CampaignView,
      refusals: [403, 404, 409, 422],
    },
    async ({ params: { campaign }, body, principal }) => {
      await parts.conductor.carryOut(campaign, approvePerformer(parts.rollout), {
        input: { campaign, ...body },
        principal,
      })
      return await shown(parts, campaign)
    },
  )
}

function promoteEndpoint(parts: RolloutApiParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/rollouts/{campaign}/promote',
      tag: 'rollouts',
      summary:
        'Takes the signed word of a person, never the author, that the open ring may pass although its gates hold.',
      params: CampaignParams,
      body: ApproveBody,
      answer: CampaignView,
      refusals: [403, 404, 409, 422],
    },
    async ({ params: { campaign }, body, principal }) => {
      await parts.conductor.carryOut(campaign, overridePerformer(parts.rollout), {
        input: { campaign, ...body },
        principal,
      })
      return await shown(parts, campaign)
    },
  )
}

const DOES: Readonly<Record<CommandWord, string>> = {
  pause: 'No further device begins; those that have the candidate keep it.',
  resume: 'Goes on after a pause; after a halt, once two different people have signed for it.',
  halt: 'Stops at once, and brings every device back to the last good bundle. Anybody may.',
  cancel: 'Ends the campaign for good, and brings every device back to the last good bundle.',
}

function commandEndpoint(parts: RolloutApiParts, word: CommandWord): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: `/rollouts/{campaign}/${word}`,
      tag: 'rollouts',
      summary: DOES[word],
      params: CampaignParams,
      body: word === 'resume' ? ResumeBody : CommandBody,
      answer: CampaignView,
      refusals: [403, 404, 409, 422],
    },
    async ({ params: { campaign }, body, principal }) => {
      await parts.conductor.carryOut(campaign, commandPerformer(parts.rollout, word), {
        input: { campaign, ...body },
        principal,
      })
      return await shown(parts, campaign)
    },
  )
}

async function shown({ db, rollout }: RolloutApiParts, campaign: string): Promise<CampaignAnswer> {
  return answerOf(await rollout.campaigns.current(db, campaign))
}

function answerOf({ seq, state }: Held): CampaignAnswer {
  const { plan, decisions, direction } = state
  return {
    ...viewOf(state),
    seq,
    stateHash: stateHash(state),
    planDigest: planDigest(plan),
    nowMs: state.clock.campaignMs,
    progress: progressOf(state),
    load: loadOf(state),
    runs: direction.runs,
    plan,
    decisions: [...decisions],
    stragglers: [...stragglersOf(state, SHOWN_STRAGGLERS)],
  } as unknown as CampaignAnswer
}
