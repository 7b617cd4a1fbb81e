// The list of campaigns, and by which place which page of one is opened.
import { call } from './api.js'
import { command, count, el, quiet, share, table } from './dom.js'
import { campaign } from './rollout.js'
import { campaignDevices } from './rollout-devices.js'
import { gateName, holdWords, phaseMark, sinceOf, verdictMark } from './rollout-words.js'

export function rollouts(place) {
  const [id, part] = place.rest
  if (id === undefined) return list(place)
  return part === 'devices' ? campaignDevices(id, place.query) : campaign(id)
}

const UNDER_WAY = new Set(['awaiting_approval', 'running', 'paused', 'halted'])

/** A row is as of its campaign's last tick, of which there are two a minute. */
const EVERY_MS = 10_000

const list = () => ({
  title: 'Rollouts',
  everyMs: EVERY_MS,
  load: async () => {
    const { rollouts: found } = await call('api/rollouts')
    // Only who has none needs to be told what could be rolled out.
    return { found, registry: found.length === 0 ? await call('api/registry') : null }
  },
  draw: ({ found, registry }, { me }) => (found.length === 0 ? [el('h2', {}, 'Rollouts'), none(registry, me)] : drawn(found)),
})

function drawn(found) {
  const open = found.filter(({ phase }) => UNDER_WAY.has(phase))
  const over = found.filter(({ phase }) => !UNDER_WAY.has(phase))
  const find = el('input', { type: 'search', 'aria-label': 'Find by name, bundle, version or person', placeholder: 'Find a campaign', class: 'end', 'data-keep': 'find campaign' })
  const lists = el('div', { class: 'campaigns' })
  const narrowed = () => {
    const text = find.value.trim().toLowerCase()
    const fits = (one) => [one.campaign, one.bundle, one.version, one.author, one.phase].some((part) => part.toLowerCase().includes(text))
    lists.replaceChildren(
      el('section', {}, el('h3', {}, 'Under way'), rows(open.filter(fits), text === '' ? 'Nothing is being rolled out.' : 'None of these fits.')),
      el('section', {}, el('h3', {}, 'Over'), rows(over.filter(fits), text === '' ? 'No campaign has come to its end yet.' : 'None of these fits.')))
  }
  find.addEventListener('input', narrowed)
  // What was typed before comes back after this is drawn.
  queueMicrotask(narrowed)
  return [el('div', { class: 'row' }, el('h2', {}, 'Rollouts'), find), lists]
}

function rows(found, empty) {
  return table(['Campaign', 'State', 'Ring', 'Exposed', 'Gates say', 'Since'],
    found.map((one) => {
      const { campaign: id, bundle, from, version, urgency, phase, summary } = one
      return [
        el('td', {}, el('a', { class: 'name', href: `#rollouts/${id}` }, id), quiet(`${bundle} ${from} → ${version}${urgency === 'emergency' ? ', emergency' : ''}`)),
        el('td', {}, phaseMark(phase)),
        el('td', {}, summary?.ring ? el('span', {}, summary.ring, quiet(summary.ring === 'bake' ? 'after the last ring' : `${summary.ringAt} of ${summary.rings}`)) : '–'),
        el('td', {}, summary ? exposed(summary) : '–'),
        el('td', {}, ...(summary?.verdict ? [verdictMark(summary.verdict), summary.holdReason ? quiet(holdWords(summary.holdReason)) : null] : ['–']).filter(Boolean)),
        el('td', {}, sinceOf(one).replace(/^since /, ''), reasonOf(summary)),
      ]
    }),
    empty)
}

function reasonOf(summary) {
  const text = summary?.by === 'gates' && summary.halting.length > 0 ? `evidence of harm: ${summary.halting.map((gate) => gateName(gate).toLowerCase()).join(', ')}` : summary?.reason
  return text ? el('p', { class: 'quiet clamp' }, text) : null
}

function exposed({ exposed: some, fleet }) {
  return el('span', {}, `${share(some, fleet)} `, quiet(`${count(some)} of ${count(fleet)}`))
}

function none({ releases, aliases }, me) {
  const stable = new Map(aliases.filter(({ alias }) => alias === 'stable').map(({ name, version }) => [name, version]))
  const next = releases.find(({ name, version, retired }) => !retired && stable.has(name) && stable.get(name) !== version)
  const bundle = next?.name ?? 'BUNDLE'
  const version = next?.version ?? 'VERSION'
  return el('div', { class: 'panel empty' },
    el('p', {}, 'Nothing was ever rolled out from here.'),
    next ? quiet(`${bundle} ${version} is published, and devices run ${stable.get(bundle)}. This declares its campaign; nothing moves before another person approves it.`)
      : quiet('First publish a version that is newer than what devices run; then a campaign brings it to them ring by ring.'),
    next ? null : command('starling bundle publish FOLDER --name BUNDLE'),
    me.may['rollout.create'] ? command(`starling rollout create spring --bundle ${bundle} --bundle-version ${version}`) : quiet('An operator may create one.'))
}
