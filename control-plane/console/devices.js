// The fleet: each device's journal, what it says of its bundles, and whether its chain of records holds.
import { call, query, toldOf } from './api.js'
import { count, el, many, mark, quiet, table, tight, when } from './dom.js'
import { found } from './finding.js'
import { saidWords } from './rollout-devices.js'

const EVERY_MS = 10_000
const PAGE = 100
const STATES = [['', 'every state'], ['installing', 'installing'], ['deferred', 'put off'], ['refused', 'refused'], ['parked', 'parked'], ['standing_still', 'journal stands still'], ['revoked', 'revoked']]

export function devices({ query: asked }) {
  const wanted = { find: asked.get('find'), state: asked.get('state'), after: asked.get('after') }
  return {
    title: 'Devices',
    everyMs: EVERY_MS,
    load: async () => await call(`api/fleet${query({ ...wanted, limit: PAGE })}`),
    draw: (fleet) => draw(fleet, wanted),
  }
}

/** What was verified stays to be read while the page goes on. */
const verified = new Map()

function draw({ devices: inForce, matching, page }, wanted) {
  const isNarrowed = wanted.find || wanted.state || wanted.after
  return [
    el('h2', {}, 'Devices'),
    inForce === 0 && matching === 0 && !isNarrowed ? null : found('#devices', wanted, [{ name: 'state', label: 'State', options: STATES }], isNarrowed ? `${count(matching)} of ${many(inForce, 'device')}` : many(inForce, 'device')),
    table(['Device', 'Site', 'Bundles', 'Journal', 'Chain', 'Heard of'],
      page.map((one) => [
        el('td', {}, el('strong', { class: 'name' }, one.device), one.revokedAt ? mark('revoked', 'bad') : null, quiet('enrolled ', when(one.enrolledAt))),
        one.site,
        el('td', {}, one.bundles.length === 0 ? '–' : el('ul', { class: 'bundles' }, ...one.bundles.map(bundleLine))),
        el('td', {}, `${count(one.records)} records `, one.problem ? mark('stands still', 'bad') : null, one.problem ? quiet(one.problem) : null),
        el('td', {}, chain(one.device)),
        tight(when(one.seenAt)),
      ]),
      isNarrowed ? 'No device is like that now.' : 'No device is enrolled yet. Make a token with “starling token”.'),
    page.length < PAGE ? null : el('p', {}, el('a', { href: `#devices${query({ ...wanted, after: page.at(-1).device })}`, 'data-keep': 'next' }, `The next ${PAGE}`)),
  ]
}

function bundleLine(said) {
  const isFailed = said.state === 'refused' || said.state === 'parked'
  return el('li', {}, el('b', {}, `${said.name} `), saidWords(said),
    said.code ? el('code', { class: 'code' }, said.code) : null, isFailed && said.message ? quiet(said.message) : null)
}

function chain(device) {
  const answer = el('span', { role: 'status' })
  const check = el('button', { class: 'plain', type: 'button', 'data-keep': `verify ${device}`, 'aria-label': `Verify the records of ${device}`, onclick: () => void verify(device, check, answer) }, 'verify')
  const known = verified.get(device)
  if (known !== undefined) show(answer, known)
  return el('span', {}, check, ' ', answer)
}

async function verify(device, button, answer) {
  button.disabled = true
  answer.textContent = 'checking…'
  let result
  try {
    const found = await call(`api/verification/${encodeURIComponent(device)}`)
    result = { text: found.holds ? `${found.records} records and ${found.seals} seals hold` : found.fault.message, tone: found.holds ? 'good' : 'bad' }
  } catch (error) {
    result = { text: toldOf(error), tone: 'bad' }
  } finally {
    button.disabled = false
  }
  verified.set(device, result)
  show(answer, result)
}

function show(answer, { text, tone }) {
  answer.className = 'mark'
  answer.dataset.tone = tone
  answer.textContent = text
}
