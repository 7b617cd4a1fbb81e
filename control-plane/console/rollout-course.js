// What happened to a campaign, newest first: who decided what and why, and each time its gates said something new.
import { el, when } from './dom.js'
import { gateName, holdWords } from './rollout-words.js'

const SAYS = {
  approved: ({ by }) => [by, 'approved it, by signature'],
  started: () => ['', 'It started'],
  ring_opened: ({ ring }) => ['', `Ring ${ring} opened`],
  ring_promoted: ({ ring }) => ['', `Ring ${ring} passed`],
  halted: ({ by }) => (by === 'gates' ? ['', 'Its gates halted it'] : [by, 'halted it']),
  resume_asked: ({ by }) => [by, 'asked to resume it'],
  resumed: ({ by }) => [by, 'resumed it'],
  paused: ({ by }) => [by, 'paused it'],
  cancelled: ({ by }) => [by, 'cancelled it'],
  superseded: ({ by }) => [by, 'put another campaign in its place'],
  overridden: ({ by, ring }) => [by, `signed that ring ${ring} may pass although its gates hold`],
  stated: ({ generation }) => ['', `The centre signed what the fleet follows, generation ${generation}`],
  completed: () => ['', 'Every ring passed'],
}
const TONES = { halted: 'bad', cancelled: 'bad', completed: 'good', ring_promoted: 'good', paused: 'wait', resume_asked: 'wait', overridden: 'wait' }
/** What a person reads at once; older ones are behind a button. */
const SHOWN = 12

export function course({ decisions }, kept) {
  const entries = [
    ...decisions.map((one, at) => ({ atMs: one.atMs, at, tone: TONES[one.kind] ?? 'plain', who: SAYS[one.kind]?.(one)[0] ?? '', what: SAYS[one.kind]?.(one)[1] ?? one.kind.replaceAll('_', ' '), why: one.reason ?? null })),
    ...kept.filter(({ outcome }) => outcome === 'open').map(({ seq, at, ring, verdict }) => ({
      atMs: Date.parse(at), at: seq / 1e9, tone: verdict?.decision === 'PROMOTE' ? 'good' : 'plain', who: '', what: `Gates of ${ring} say ${verdict?.decision}`, why: reasonOf(verdict),
    })),
  ].sort((a, b) => b.atMs - a.atMs || b.at - a.at)
  return [
    el('h3', {}, 'What happened'),
    entries.length === 0
      ? el('div', { class: 'panel empty' }, 'Nothing yet: it awaits its approval.')
      : el('div', {}, list(entries.slice(0, SHOWN)), entries.length <= SHOWN ? null : el('details', { 'data-keep': 'older' }, el('summary', {}, `${entries.length - SHOWN} earlier`), list(entries.slice(SHOWN)))),
  ]
}

function list(entries) {
  return el('ol', { class: 'course' }, ...entries.map(({ atMs, tone, who, what, why }) =>
    el('li', { 'data-tone': tone }, el('span', { class: 'at' }, when(atMs)), el('div', {}, el('p', {}, who === '' ? null : el('b', {}, `${who} `), what), why ? el('p', { class: 'quiet' }, why) : null))))
}

function reasonOf(verdict) {
  if (verdict === null || verdict === undefined) return null
  if (verdict.holdReason === null) return verdict.evidence.filter(({ decision }) => decision === verdict.decision).map(({ gate }) => gateName(gate)).join(', ')
  return holdWords(verdict.holdReason)
}
