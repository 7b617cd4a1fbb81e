// The devices of a campaign: of one ring, at one stage, or found by name; what each installs or runs, and why it is no further.
import { call, query } from './api.js'
import { bytes, el, many, quiet, table, tight, when } from './dom.js'
import { found } from './finding.js'
import { stageMark, stageName, STAGES, whyWords } from './rollout-words.js'

const EVERY_MS = 10_000
const PAGE = 100

export function campaignDevices(id, asked) {
  const wanted = { ring: asked.get('ring'), stage: asked.get('stage'), find: asked.get('find'), after: asked.get('after') }
  const path = `api/rollouts/${encodeURIComponent(id)}`
  return {
    title: `Devices of ${id}`,
    everyMs: EVERY_MS,
    load: async () => {
      const [{ plan: { rings, candidate } }, list] = await Promise.all([call(path), call(`${path}/devices${query({ ...wanted, limit: PAGE })}`)])
      return { rings: rings.map(({ name }) => name), candidate, list }
    },
    draw: ({ rings, candidate, list }) => draw(id, wanted, { rings, candidate, list }),
  }
}

function draw(id, wanted, { rings, candidate, list }) {
  const here = `#rollouts/${id}/devices`
  return [
    el('nav', { class: 'crumbs', 'aria-label': 'Where you are' },
      el('a', { href: '#rollouts', 'data-keep': 'crumb' }, 'Rollouts'), el('span', { 'aria-hidden': 'true' }, '/'),
      el('a', { href: `#rollouts/${id}`, 'data-keep': 'crumb campaign' }, id), el('span', { 'aria-hidden': 'true' }, '/'), el('span', { 'aria-current': 'page' }, 'Devices')),
    el('h2', {}, title(wanted)),
    found(here, wanted, [
      { name: 'ring', label: 'Ring', options: [['', 'every ring'], ...rings.map((name) => [name, name]), ['control', 'the control']] },
      { name: 'stage', label: 'Stage', options: [['', 'every stage'], ...Object.keys(STAGES).map((stage) => [stage, stageName(stage).toLowerCase()])] },
    ], many(list.matching, 'device')),
    table(['Device', 'Stage', 'Says', 'Why', 'Moved', 'Heard of'],
      list.devices.map((one) => [
        el('td', {}, el('a', { class: 'name', href: `#devices?find=${one.device}` }, one.device), el('p', { class: 'quiet place' }, `${one.site}, ${one.ring ?? 'control'}`)),
        el('td', {}, stageMark(one.stage)),
        el('td', {}, saidWords(one.said, candidate)),
        el('td', {}, why(one)),
        tight(one.said?.transfer ? `${bytes(one.said.transfer.moveBytes)} of ${bytes(one.said.transfer.fullBytes)}` : '–'),
        tight(when(one.seenAt)),
      ]),
      'No device is like that now.'),
    list.devices.length < PAGE ? null : el('p', {}, el('a', { href: `${here}${query({ ...wanted, after: list.devices.at(-1).device })}`, 'data-keep': 'next' }, `The next ${PAGE}`)),
  ]
}

function title({ ring, stage }) {
  const where = ring === null ? 'Devices' : ring === 'control' ? 'Devices of the control' : `Devices of ring ${ring}`
  return stage === null ? where : `${where}: ${stageName(stage).toLowerCase()}`
}

/** The install state machine in its own words, in small type; what it means before it. */
export function saidWords(said, candidate = null) {
  if (said === null) return '–'
  const { version, state, message } = said
  const step = state === 'installing' || state === 'deferred' ? (message ?? state.toUpperCase()) : state.toUpperCase()
  const isCandidate = candidate === null || version === candidate.version
  const verb = state === 'committed' ? 'runs' : state === 'installing' ? 'installs' : state === 'deferred' ? 'put off' : state === 'parked' ? 'gave up' : 'refused'
  return el('span', {}, `${verb} ${version} `, state === 'committed' && !isCandidate ? null : el('code', { class: 'step', 'data-state': state }, state === 'deferred' ? `DEFERRED at ${step}` : step))
}

function why({ why: reason, code, said }) {
  const text = reason === null ? '' : whyWords(reason)
  const failed = said !== null && (said.state === 'refused' || said.state === 'parked') ? said.message : null
  return el('span', {}, text === '' && !failed && !code ? '–' : text, code ? el('code', { class: 'code' }, code) : null, failed ? quiet(failed) : null)
}
