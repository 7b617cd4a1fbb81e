// What an operator looks at first: what needs somebody, and what happens.
import { call } from './api.js'
import { card, count, el, many, quiet } from './dom.js'
import { recordTable } from './records.js'
import { phaseMark, sinceOf } from './rollout-words.js'

const UNDER_WAY = new Set(['awaiting_approval', 'running', 'paused', 'halted'])

export const overview = () => ({
  title: 'Overview',
  load: async () => {
    const [fleet, { records }, { rollouts }, { releases }, { rows }, { conflicts }, { items }, policy] = await Promise.all(
      ['api/fleet?limit=1', 'api/records?limit=20', 'api/rollouts', 'api/registry', 'api/context/inbox_item', 'api/conflicts', 'api/quarantine', 'api/policy/status'].map((path) => call(path)),
    )
    return { fleet, records, rollouts: rollouts.filter(({ phase }) => UNDER_WAY.has(phase)), releases, inbox: rows, conflicts, quarantine: items, policy }
  },
  draw,
})

function draw({ fleet, records, rollouts, releases, inbox, conflicts, quarantine, policy }) {
  const open = inbox.filter(({ body }) => body.status === 'open').length
  const disputed = conflicts.filter(({ status }) => status === 'open').length
  const stopped = rollouts.filter(({ phase }) => phase === 'halted').length
  const newest = releases.reduce((last, one) => (last === null || one.publishedAt > last.publishedAt ? one : last), null)
  return [
    el('h2', {}, 'Overview'),
    lapses(policy),
    el('div', { class: 'cards' },
      card('Devices', count(fleet.devices), fleet.problems === 0 ? 'all journals hold' : `${count(fleet.problems)} need a look`, { tone: fleet.problems === 0 ? 'good' : 'bad', href: fleet.problems === 0 ? '#devices' : '#devices?state=standing_still' }),
      card('Records', count(fleet.records), 'each verified, once', { href: '#records' }),
      card('Rollouts', count(rollouts.length), stopped > 0 ? `under way, ${count(stopped)} halted` : 'under way', stopped > 0 ? { tone: 'bad', href: '#rollouts' } : { href: '#rollouts' }),
      card('Inbox', count(open), open === 0 ? 'nothing waits' : 'wait for a person', { tone: open === 0 ? 'good' : 'wait', href: '#inbox' }),
      card('Conflicts', count(disputed), disputed === 0 ? 'all changes agree' : 'two versions each', { tone: disputed === 0 ? 'good' : 'wait', href: '#conflicts' }),
      card('Releases', count(releases.length), newest ? `newest: ${newest.name} ${newest.version}` : 'none yet', { href: '#registry' }),
      card('Policy', policy.version, `${count(policy.following)} of ${many(policy.devices, 'device')} follow it`, { tone: policy.following < policy.devices ? 'wait' : 'good' }),
      card('Set aside', count(quarantine.length), quarantine.length === 0 ? 'no bad message' : 'messages were refused', { tone: quarantine.length === 0 ? 'good' : 'bad', href: '#quarantine' })),
    rollouts.length === 0 ? null : el('section', {}, el('h3', {}, 'Rollouts under way'),
      el('ul', { class: 'lines' }, ...rollouts.slice(0, 6).map((one) =>
        el('li', {}, el('a', { href: `#rollouts/${one.campaign}` }, one.campaign), el('span', {}, `${one.bundle} ${one.from} → ${one.version}`), phaseMark(one.phase), quiet(sinceOf(one)))))),
    el('section', {}, el('h3', {}, 'Last records'),
      recordTable(records, 'No device has sent a record yet. Start one with “starling up”, and speak to it.')),
  ]
}

/** Days before the policy lapses, and from then on: what it means, and what to do. */
function lapses({ notice }) {
  if (notice === null) return null
  return el('section', {}, el('div', { class: 'card ask', role: 'alert' }, el('p', {}, el('b', {}, `${notice.message[0].toUpperCase()}${notice.message.slice(1)}.`)), el('p', {}, notice.remedy)))
}
