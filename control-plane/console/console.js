// The console: signs in, opens the page that the address names, and says how fresh it is.
import { call, Denied, isAway, send, toldOf } from './api.js'
import { conflicts } from './conflicts.js'
import { devices } from './devices.js'
import { el, clockTime, region } from './dom.js'
import { poll } from './live.js'
import { inbox, quarantine, records } from './records.js'
import { overview } from './overview.js'
import { registry } from './registry.js'
import { rollouts } from './rollouts.js'

/**
 * A page is polled, `{ load(place), draw(data, tools), everyMs }`, or live, `{ open(main, place, tools) }`, which returns what closes it.
 * Each of these chooses one by its place: `#rollouts/spring?ring=canary` is the place `{ name, rest, query }`.
 */
const PAGES = { overview, rollouts, registry, devices, records, inbox, conflicts, quarantine }
const REFRESH_EVERY_MS = 5_000
const at = (id) => document.getElementById(id)
let me = null
let close = () => {}
let begun = 0

function placeNow() {
  const [path = '', query = ''] = location.hash.slice(1).split('?')
  const [name, ...rest] = path.split('/').map(decodeURIComponent)
  const known = Object.hasOwn(PAGES, name) ? name : name === 'releases' ? 'registry' : 'overview'
  return { name: known, rest: known === name ? rest : [], query: new URLSearchParams(query) }
}

function notice(text) {
  at('notice').textContent = text ?? ''
  at('notice').hidden = !text
}

function state(name, text, tone) {
  document.body.dataset.state = name
  if (at('link').textContent === text) return
  at('link').textContent = text
  at('link').dataset.tone = tone
}

/** How fresh the page is, for the page that is open: `mine` is its number, so that one that was left says nothing more. */
function tools(mine) {
  const isOpen = () => mine === begun
  return {
    me,
    notice: (text) => isOpen() && notice(text),
    said: (text) => isOpen() && (at('said').textContent = text),
    fresh(text = 'Online') {
      if (!isOpen()) return
      // What was refused a moment ago stays to be read; what was said of the connection is over.
      if (document.body.dataset.state !== 'ready') notice(null)
      state('ready', text, 'good')
    },
    /** The page stays, greyed, and says how old it is. */
    lost(newsMs) {
      if (!isOpen()) return
      state('stale', 'Not connected', 'bad')
      notice(newsMs === null
        ? 'The centre does not answer. Is “starling up” running? This page goes on by itself.'
        : `The centre does not answer. What you see is of ${clockTime(newsMs)}. This page goes on by itself.`)
    },
    failed(error) {
      if (!isOpen()) return
      if (error instanceof Denied) return signIn()
      state('failed', 'Refused', 'bad')
      notice(null)
      at('main').replaceChildren(el('h2', {}, 'Not to be shown'), el('div', { class: 'panel empty', role: 'alert' },
        el('p', {}, toldOf(error)), el('p', {}, el('a', { href: `#${placeNow().name}` }, 'Back'))))
    },
  }
}

function open() {
  close()
  begun += 1
  const mine = begun
  const place = placeNow()
  at('sign-in').hidden = true
  at('main').hidden = at('views').hidden = at('who').hidden = false
  for (const anchor of at('views').children) {
    if (anchor.hash !== `#${place.name}`) anchor.removeAttribute('aria-current')
    else {
      anchor.setAttribute('aria-current', 'page')
      anchor.scrollIntoView({ block: 'nearest', inline: 'center' })
    }
  }
  notice(null)
  at('who').querySelector('span').textContent = [...new Set([me.id, ...me.roles])].join(', ')
  at('main').replaceChildren(el('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading' }))
  const page = PAGES[place.name](place)
  const given = tools(mine)
  document.title = `${page.title} – Starling`
  close = page.open === undefined ? polled(page, given) : page.open(at('main'), given)
}

function polled(page, given) {
  const body = region('div')
  const course = poll(page.load, page.everyMs ?? REFRESH_EVERY_MS, {
    seen(data) {
      if (body.node.parentNode === null) at('main').replaceChildren(body.node)
      body.draw(data, () => page.draw(data, { ...given, again: () => course.again(), redraw: () => body.forget() }))
      given.fresh()
    },
    lost: given.lost,
    failed(error) {
      body.forget()
      body.node.remove()
      given.failed(error)
    },
  })
  return course.end
}

async function start() {
  try {
    me = await call('api/me')
    open()
  } catch (error) {
    if (error instanceof Denied) return signIn()
    state('unreachable', 'Not connected', 'bad')
    notice(isAway(error) ? 'The centre does not answer. Is “starling up” running? This page goes on by itself.' : toldOf(error))
    setTimeout(() => void start(), REFRESH_EVERY_MS)
  }
}

function signIn() {
  close()
  close = () => {}
  begun += 1
  me = null
  state('signed-out', 'Signed out', 'wait')
  at('main').hidden = at('views').hidden = at('who').hidden = true
  at('sign-in').hidden = false
  at('token').focus()
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
    await start()
  } catch {
    notice('The centre does not answer.')
  } finally {
    button.disabled = false
  }
})
at('who').querySelector('button').addEventListener('click', async () => {
  try {
    await send('DELETE', 'console/session', {})
    notice(null)
    signIn()
  } catch (error) {
    notice(toldOf(error, 'you are still signed in'))
  }
})
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault()
  at('main').focus()
})
addEventListener('hashchange', () => {
  if (me === null) return
  open()
  scrollTo(0, 0)
  at('main').focus({ preventScroll: true })
})
await start()
