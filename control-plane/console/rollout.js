// One campaign, live: drawn from what the centre streams at every change. Each part is drawn anew only when what it shows has changed.
import { call, isAway } from './api.js'
import { bytes, card, command, count, duration, el, facts, many, person, quiet, region, share, table, time, when } from './dom.js'
import { follow } from './live.js'
import { actionBar } from './rollout-actions.js'
import { course } from './rollout-course.js'
import { gates } from './rollout-gates.js'
import { control, rings } from './rollout-rings.js'
import { gateName, holdWords, phaseMark, whyWords } from './rollout-words.js'

const ENDED = new Set(['cancelled', 'superseded'])
/** Stragglers on the page; the others are behind a link. */
const SHOWN = 8

export const campaign = (id) => ({ title: id, open: (main, tools) => openCampaign(id, main, tools) })

function openCampaign(id, main, tools) {
  const parts = Object.fromEntries(
    [['head', 'div'], ['approval', 'section'], ['cards', 'div'], ['rings', 'section'], ['gates', 'section'], ['behind', 'section'], ['links', 'section'], ['course', 'section'], ['plan', 'section']]
      .map(([name, tag]) => [name, region(tag, { class: name === 'cards' ? 'cards' : `part-${name}` })]),
  )
  const why = { points: [], kept: [], approvers: [], ring: null, asked: null }
  let seen = null
  const bar = actionBar(id, tools, (changed) => take(changed))
  const node = (name) => parts[name].node
  const nodes = [
    ...['head', 'approval', 'cards', 'rings', 'gates'].map(node),
    el('div', { class: 'pair' }, node('course'), el('div', {}, node('behind'), node('links'), node('plan'))),
    bar.node,
  ]

  const draw = () => {
    const isFirst = parts.head.node.parentNode === null
    parts.head.draw(headOf(seen), () => head(seen))
    parts.approval.draw([seen.phase, seen.approvals, seen.planDigest, why.approvers], () => approval(seen, why.approvers, tools.me))
    parts.cards.draw([seen.counts, seen.progress], () => cards(seen))
    parts.rings.draw([seen.progress, seen.rings, seen.ring, seen.phase, seen.nowMs], () => [el('h3', {}, 'Rings'), el('ol', { class: 'rings' }, ...rings(seen)), control(seen)])
    parts.gates.draw([seen.rings, why.points, why.ring, seen.phase], () => gates(seen, why, tools.me, (chosen) => {
      why.ring = chosen
      draw()
    }))
    parts.behind.draw([seen.stragglers, seen.phase], () => behind(seen))
    parts.links.draw([seen.load, seen.nowMs], () => links(seen.load))
    parts.course.draw([seen.decisions, why.kept], () => course(seen, why.kept))
    parts.plan.draw(seen.planDigest, () => plan(seen))
    bar.update(seen)
    if (isFirst) main.replaceChildren(...nodes)
  }
  const take = (now) => {
    // An answer to a command may come before or after the same change in the stream.
    if (seen !== null && now.seq < seen.seq) return
    if (seen !== null) tools.said(changeWords(seen, now))
    seen = now
    addPoint(why.points, now)
    draw()
    void learn()
  }
  /** What is not in the stream is asked for when it can have changed. */
  const learn = async () => {
    const verdict = seen.rings.at(-1)?.verdict
    const key = [seen.rings.length, verdict?.decision, verdict?.holdReason, seen.rings.at(-1)?.outcome, seen.approvals.by.length].join()
    if (key === why.asked) return
    why.asked = key
    try {
      const path = `api/rollouts/${encodeURIComponent(id)}`
      const [{ kept }, { points }, { approvers }] = await Promise.all([
        call(`${path}/explanation`),
        call(`${path}/evidence`),
        seen.phase === 'awaiting_approval' ? call('api/approvers') : { approvers: [] },
      ])
      why.kept = kept
      why.approvers = approvers
      const newest = points.at(-1)?.atMs ?? 0
      why.points = [...points, ...why.points.filter(({ atMs }) => atMs > newest)]
      draw()
    } catch (error) {
      why.asked = null
      if (!isAway(error)) tools.failed(error)
    }
  }
  const end = follow(`api/rollouts/${encodeURIComponent(id)}/watch`, {
    seen(now) {
      tools.fresh(ENDED.has(now.phase) || now.phase === 'complete' ? 'Online' : 'Live')
      bar.connected(true)
      take(now)
    },
    lost(newsMs) {
      tools.lost(newsMs)
      bar.connected(false)
    },
    failed: tools.failed,
    isOver: ({ phase }) => ENDED.has(phase),
  })
  return () => {
    end()
    bar.close()
  }
}

/** The chart goes on with what the stream brings: nothing is asked for again. */
function addPoint(points, { rings: opened, nowMs, seq }) {
  const round = opened.length - 1
  const ring = opened[round]
  if (ring?.verdict == null || (points.at(-1)?.seq ?? -1) >= seq) return
  points.push({ seq, ring: ring.name, round, atMs: nowMs, gates: Object.fromEntries(ring.verdict.evidence.map(({ gate, harmEvidence, safeEvidence }) => [gate, [harmEvidence, safeEvidence]])) })
}

const headOf = ({ campaign: id, phase, sinceMs, plan: { candidate, lastGood }, ring, resumersNeeded, resumers, rings: opened, counts, nowMs }) =>
  [id, phase, sinceMs, candidate.version, lastGood.version, ring, resumersNeeded, resumers, opened.at(-1)?.verdict?.decision, opened.at(-1)?.verdict?.holdReason, counts, nowMs]

function head(seen) {
  const { plan: { candidate, lastGood, author, urgency }, phase } = seen
  return [
    el('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, el('a', { href: '#rollouts', 'data-keep': 'crumb' }, 'Rollouts'), el('span', { 'aria-hidden': 'true' }, '/'), el('span', { 'aria-current': 'page' }, seen.campaign)),
    el('div', { class: 'row title' }, el('h2', {}, seen.campaign), phaseMark(phase), urgency === 'emergency' ? el('span', { class: 'mark', 'data-tone': 'wait' }, 'emergency') : null),
    el('p', { class: 'change' },
      el('a', { href: `#registry/${candidate.name}`, 'data-keep': 'bundle' }, candidate.name), ` ${lastGood.version} → `,
      el('a', { href: `#registry/${candidate.name}/${candidate.version}`, 'data-keep': 'candidate' }, candidate.version), el('span', { class: 'quiet' }, ` made by ${author}`)),
    el('p', { class: 'standing' }, ...standing(seen)),
  ]
}

/** Where it stands, in a sentence or two. */
function standing(seen) {
  const { phase, plan: { candidate, lastGood }, sinceMs, approvals, resumers, resumersNeeded } = seen
  const last = seen.rings.at(-1)
  const turn = seen.decisions.findLast(({ kind }) => kind === phase)
  const since = sinceMs === null ? [] : [' since ', when(sinceMs)]
  const halting = (last?.verdict?.evidence ?? []).filter(({ decision }) => decision === 'HALT').map(({ gate }) => gateName(gate).toLowerCase())
  const reason = turn?.by === 'gates' && halting.length > 0 ? `: there is enough evidence of harm (${halting.join(', ')})` : turn?.reason ? `: ${within(turn.reason)}` : ''
  const by = turn?.by ? ` by ${person(turn.by)}` : ''
  if (phase === 'awaiting_approval') return [`Nothing moves yet: it needs ${many(approvals.needed, 'approval')}, and has ${approvals.by.length === 0 ? 'none' : approvals.by.length}.`]
  if (phase === 'halted')
    return [`Halted${by}`, ...since, `${reason}`, `. Every device goes back to ${lastGood.version}; ${count(seen.counts.returned)} of ${count(seen.counts.exposed)} are there. `,
      resumers.length === 0 ? 'Two people can resume it.' : `${resumers.join(', ')} asked to resume it; ${many(resumersNeeded, 'other person is', 'other people are')} needed.`]
  if (phase === 'paused') return [`Paused${by}`, ...since, reason, '. No further device begins.']
  if (phase === 'complete') return ['Complete', ...since, `: every ring passed, and whoever asks gets ${candidate.version}.`]
  if (phase === 'cancelled') return [`Cancelled${by}`, ...since, reason, `. Every device runs ${lastGood.version} or goes back to it.`]
  if (phase === 'superseded') return [`A newer campaign decides since `, when(sinceMs), reason, '.']
  if (last === undefined || last.outcome !== 'open') return ['Approved. The next ring opens with the next tick of the centre’s clock.']
  return [last.baking ? 'The bake after the last ring began at ' : `Ring ${last.name} is open since `, when(last.openedMs), '. ', ...waits(seen, last)]
}

function waits({ plan: { rings: planned, bakeMs = 0 }, nowMs }, { name, openedMs, verdict, baking, override }) {
  const { dwellMs } = baking ? { dwellMs: bakeMs } : planned.find((ring) => ring.name === name)
  const left = openedMs + dwellMs - nowMs
  const dwell = left > 0 ? [` It is watched at least until `, when(openedMs + dwellMs), ` (${duration(left)} more).`] : [' It has been watched for as long as it has to be.']
  if (verdict === null) return ['Its gates have not been asked yet.', ...dwell]
  if (verdict.decision === 'PROMOTE') return ['Its gates say that it may go on.', ...dwell]
  return [`Its gates hold: ${holdWords(verdict.holdReason ?? 'undecided')}.`, override ? ` ${override.by} signed that it may pass all the same.` : '', ...dwell]
}

function cards({ campaign: id, counts, progress, plan: { budget, lastGood } }) {
  const { exposed, fleet, atRisk, proven } = counts
  const href = (stage) => `#rollouts/${id}/devices${stage ? `?stage=${stage}` : ''}`
  return [
    card('Exposed', count(exposed), `${share(exposed, fleet)} of ${many(fleet, 'device')}`, { href: href() }),
    card('At risk now', count(atRisk), `${count(budget.devicesAtRisk)} may be`, atRisk >= budget.devicesAtRisk ? { tone: 'wait' } : {}),
    card('Confirmed', count(proven), 'through their probation', { href: href('confirmed') }),
    failures(counts, progress, href),
    card('Returned', count(inStage(progress, 'returned')), `run ${lastGood.version} again`, { href: href('returned') }),
  ]
}

const inStage = ({ rings: planned, control: apart }, stage) =>
  [...planned, apart].reduce((sum, { stages }) => sum + stages[stage], 0)

/** Whom the candidate failed: in its probation, refused and tried again, or given up; the last are back, and have failed all the same. */
function failures(counts, progress, href) {
  const parked = inStage(progress, 'parked')
  // While the fleet goes back, who failed is among those that return.
  const failed = Math.max(counts.failed, inStage(progress, 'failed'))
  if (failed + parked === 0) return card('Failed', count(0), 'none')
  const note = parked === 0 ? 'in their probation, or refused' : failed === 0 ? 'gave it up (parked)' : `${count(parked)} of them gave it up (parked)`
  return card('Failed', count(failed + parked), note, { tone: 'bad', href: href(parked === 0 ? 'failed' : 'parked') })
}

/** A reason as a part of a sentence that goes on. */
const within = (reason) => reason.trim().replace(/[.\s]+$/, '')

function approval({ campaign: id, phase, approvals, planDigest, plan: { author } }, approvers, me) {
  if (phase !== 'awaiting_approval') return []
  const able = [...new Set(approvers.filter(({ person, removedAt }) => removedAt === null && person !== author && !approvals.by.includes(person)).map(({ person }) => person))]
  const who = able.length === 0
    ? ['Nobody else has a key that is entered here. An operator enters one: ', command('starling registry person add PERSON --key PERSON.pub')]
    : [`Who may: ${able.join(', ')}.`]
  return [
    el('h3', {}, 'Approval'),
    el('div', { class: 'card ask' },
      el('p', {}, `${many(approvals.needed - approvals.by.length, 'more signature')} by somebody other than ${author}, who made it.`, approvals.by.length === 0 ? '' : ` Signed by ${approvals.by.join(', ')}.`),
      !me.may['rollout.approve'] ? quiet('Your role does not approve.')
        : me.id === author ? quiet('You made this campaign, so you cannot approve it.')
          : el('div', {}, quiet('An approval is signed with your own key, which never comes into a browser. Run this where your key lies:'), command(`starling rollout approve ${id} --key YOUR-KEY-FILE`)),
      el('p', { class: 'quiet' }, ...who),
      el('p', { class: 'quiet' }, 'What is signed is the digest of the plan: ', el('code', { class: 'hash' }, planDigest))),
  ]
}

function behind({ campaign: id, stragglers, phase }) {
  if (phase !== 'running' && phase !== 'complete') return []
  return [
    el('div', { class: 'row' }, el('h3', {}, 'Behind'), stragglers.length > SHOWN ? el('a', { href: `#rollouts/${id}/devices`, 'data-keep': 'all devices' }, `all ${stragglers.length}${stragglers.length === 100 ? ' and more' : ''}`) : null),
    table(['Device', 'Site', 'Why'],
      stragglers.slice(0, SHOWN).map(({ device, site, why, code }) => [el('a', { href: `#devices?find=${device}`, class: 'name' }, device), site, el('span', {}, whyWords(why), code ? el('code', { class: 'code' }, code) : null)]),
      'No device is behind: whoever may have it by now has confirmed it.'),
  ]
}

function links({ transferBytes, givenBytes, sites, sitesServed, window }) {
  return [
    el('h3', {}, 'Bytes'),
    el('div', { class: 'card' }, facts(
      ['Over the links', `${bytes(givenBytes)} at most, to ${count(sitesServed)} of ${many(sites, 'site')}`],
      ['One site', `${bytes(transferBytes)} at most, once: its leaf keeps what it fetched; a delta is less`],
      ['Budget', window === null ? 'none' : budgetWords(window)])),
  ]
}

function budgetWords({ usedBytes, totalBytes, siteBytes, windowMs, endsMs }) {
  const parts = []
  if (totalBytes !== null) parts.push(`${bytes(usedBytes)} of ${bytes(totalBytes)}`)
  if (siteBytes !== null) parts.push(`${bytes(siteBytes)} a site`)
  return `${parts.join(', ')} in each ${duration(windowMs)}; this one ends at ${time(endsMs)}`
}

function plan({ plan: one, planDigest, seq, stateHash }) {
  const { rings: planned, bakeMs, controlShare, budget, freezes, hardware, approvals, probationMs, silenceMs, shadow } = one
  return [el('h3', {}, 'Plan'), el('details', { class: 'card', 'data-keep': 'plan' }, el('summary', {}, 'Rings, budgets and limits, as they are signed'),
    facts(
      ['Rings', el('span', {}, planned.map(({ name, share: part, dwellMs, leastDevices }) => `${name}: ${share(part, 1)}${leastDevices > 1 ? `, ${leastDevices} devices at least` : ''}, ${duration(dwellMs)} at least`).join('; '))],
      ['Bake', bakeMs === undefined ? 'none' : `${duration(bakeMs)} at least, after the last ring`],
      ['Control', share(controlShare, 1)],
      ['At risk at once', `${many(budget.devicesAtRisk, 'device')}, ${share(budget.siteShare, 1)} of a site`],
      ['Probation', `${duration(probationMs)}; silence is suffered ${duration(silenceMs)} beyond it`],
      ['Shadow', `${count(shadow.inputs)} inputs a device where it runs beside`],
      ['Hardware', hardware === null ? 'all' : hardware.join(', ')],
      ['Freezes', freezes.length === 0 ? 'none' : freezes.map(freezeWords).join('; ')],
      ['Approvals', String(approvals)],
      ['Digest', el('code', { class: 'hash' }, planDigest)],
      ['State', el('code', { class: 'hash' }, `${stateHash} after ${seq} events`)]))]
}

const DAYS = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const freezeWords = (freeze) =>
  freeze.kind === 'dates' ? `${freeze.from} to ${freeze.to}` : `${freeze.days.map((day) => DAYS[day]).join(', ')} ${freeze.from}–${freeze.to} device time`

/** For whoever hears the page: what changed, not all of it. */
function changeWords(before, now) {
  const said = []
  if (before.phase !== now.phase) said.push(`${now.campaign} is ${now.phase.replaceAll('_', ' ')}`)
  if (before.ring !== now.ring && now.ring !== null) said.push(`ring ${now.ring} is open`)
  const [was, is] = [before.rings.at(-1)?.verdict?.decision, now.rings.at(-1)?.verdict?.decision]
  if (is && was !== is) said.push(`gates say ${is}`)
  const [had, has] = [before, now].map(({ counts, progress }) => counts.failed + inStage(progress, 'parked'))
  if (had < has) said.push(many(has, 'device has failed', 'devices have failed'))
  return said.join(', ')
}
