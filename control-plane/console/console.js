// The console: signs in, asks the API for what the view in the address needs, shows it, and asks again every few seconds.
import { conflicts } from './conflicts.js'
import * as pages from './views.js'

const views = { ...pages, conflicts }
const REFRESH_EVERY_MS = 4000
const at = (id) => document.getElementById(id)
let shown = null

class Denied extends Error {}

async function call(path, options) {
  const answer = await fetch(path, options)
  if (answer.status === 401) throw new Denied()
  const value = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(value.message), { remedy: value.remedy })
  return value
}

const SOURCES = {
  devices: async () => (await call('api/devices')).devices,
  records: async () => (await call('api/records?limit=60')).records,
  releases: async () => (await call('api/releases')).releases,
  inbox: async () => (await call('api/context/inbox_item')).rows.toReversed(),
  conflicts: async () => await call('api/conflicts'),
  quarantine: async () => (await call('api/quarantine')).items,
}
const NEEDS = {
  overview: ['devices', 'records', 'releases', 'inbox', 'conflicts', 'quarantine'],
  records: ['records'], inbox: ['inbox'], conflicts: ['conflicts'], devices: ['devices'], releases: ['releases'], quarantine: ['quarantine'],
}

function view() {
  const name = location.hash.slice(1)
  return Object.hasOwn(NEEDS, name) ? name : 'overview'
}

function notice(text) {
  at('notice').textContent = text ?? ''
  at('notice').hidden = !text
}

function link(text, tone) {
  at('link').textContent = text
  at('link').dataset.tone = tone
}

async function verify(device, button, answer) {
  button.disabled = true
  answer.textContent = 'checking…'
  try {
    const found = await call(`api/verification/${encodeURIComponent(device)}`)
    answer.className = 'mark'
    answer.dataset.tone = found.holds ? 'good' : 'bad'
    answer.textContent = found.holds ? `${found.records} records and ${found.seals} seals hold` : found.fault.message
  } catch (error) {
    answer.textContent = error.message
  } finally {
    button.disabled = false
  }
}

async function settle(id, take, button) {
  button.disabled = true
  try {
    await call(`api/conflicts/${encodeURIComponent(id)}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ take }),
    })
    shown = null
    await refresh()
  } catch (error) {
    if (error instanceof Denied) return signIn()
    shown = null
    await refresh()
    notice(error instanceof TypeError ? 'The centre does not answer: nothing was chosen.' : `${error.message} ${error.remedy ?? ''}`)
  }
}

async function refresh() {
  const name = view()
  for (const anchor of at('views').children) {
    if (anchor.hash === `#${name}`) anchor.setAttribute('aria-current', 'page')
    else anchor.removeAttribute('aria-current')
  }
  try {
    const values = await Promise.all(NEEDS[name].map((source) => SOURCES[source]()))
    const data = Object.fromEntries(NEEDS[name].map((source, index) => [source, values[index]]))
    const key = name + JSON.stringify(data)
    // Nothing new: what the reader opened stays open.
    if (key !== shown && view() === name) at('main').replaceChildren(...views[name]({ ...data, verify, settle }))
    shown = key
    at('sign-in').hidden = true
    at('main').hidden = false
    at('views').hidden = false
    document.body.dataset.state = 'ready'
    link('Online', 'good')
    notice(null)
  } catch (error) {
    if (error instanceof Denied) return signIn()
    document.body.dataset.state = 'unreachable'
    link('Centre not reached', 'bad')
    notice(error instanceof TypeError
      ? 'The centre does not answer. Is “starling up” running? This page goes on by itself.'
      : `${error.message} ${error.remedy ?? ''}`)
  }
}

function signIn() {
  document.body.dataset.state = 'signed-out'
  shown = null
  at('main').hidden = true
  at('views').hidden = true
  at('sign-in').hidden = false
  link('Signed out', 'wait')
}

at('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const button = event.target.querySelector('button')
  button.disabled = true
  try {
    const answer = await fetch('console/session', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: at('token').value }),
    })
    const value = await answer.json()
    if (!answer.ok) return notice(`${value.message} ${value.remedy}`)
    at('token').value = ''
    notice(null)
    await refresh()
  } catch {
    notice('The centre does not answer.')
  } finally {
    button.disabled = false
  }
})
addEventListener('hashchange', () => {
  at('main').focus()
  void refresh()
})
await refresh()
setInterval(() => {
  if (document.body.dataset.state !== 'signed-out' && !document.hidden) void refresh()
}, REFRESH_EVERY_MS)
