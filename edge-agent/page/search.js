// The search box: asks the copy on this device, with or without a network, and says how old the answer is.
import { el, fill } from './render.js'

const SHOWN = 8
const SNIPPET_LENGTH = 220
const OLD_AFTER_MS = 60 * 60 * 1000

let asked = 0

/** `readJson` asks the agent; its errors carry the agent's own report. */
export function openSearch(section, readJson) {
  const form = section.querySelector('form')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void search(section, form.elements.words.value.trim(), readJson)
  })
}

async function search(section, words, readJson) {
  const mine = ++asked
  if (words === '') return say(section, 'Type what you look for: a fault, a part, a rule.')
  loading(section)
  try {
    const answer = await readJson('v1/context/search', { method: 'POST', body: JSON.stringify({ words, limit: SHOWN }) })
    if (mine === asked) show(section, words, answer)
  } catch (error) {
    if (mine !== asked) return
    const report = error.report ?? {
      message: 'The agent on this device does not answer.',
      remedy: 'Start it with “starling up”, then search again.',
    }
    section.dataset.state = 'error'
    fill(section, el('p', { className: 'failed' }, report.message), el('p', { className: 'quiet' }, report.remedy ?? ''))
  }
}

function say(section, text) {
  section.dataset.state = 'idle'
  fill(section, el('p', { className: 'quiet' }, text))
}

function loading(section) {
  section.dataset.state = 'loading'
  fill(section, el('p', { className: 'quiet' }, 'Searching…'))
  section.querySelector('.body').classList.add('skeleton')
}

function show(section, words, { found, model, staleness }) {
  section.dataset.state = found.length === 0 ? 'empty' : 'found'
  const age = el('p', { className: 'quiet age' }, ageText(staleness, model))
  if (found.length === 0)
    return fill(section, el('p', {}, `Nothing about “${words}” is on this device.`), el('p', { className: 'quiet' }, 'Try other words, or ask a person.'), age)
  return fill(section, el('ol', { className: 'found' }, ...found.map(item)), age)
}

function item({ title, heading, text, sources }) {
  const short = text.length <= SNIPPET_LENGTH ? text : `${text.slice(0, SNIPPET_LENGTH - 1)}…`
  const from = sources.map(({ system, record }) => `${system} ${record}`).join(', ')
  const parts = [el('strong', {}, title), ...(heading === '' ? [] : [el('span', { className: 'quiet' }, ` ${heading}`)])]
  return el('li', {}, el('p', {}, ...parts), el('p', { className: 'snippet' }, short), el('p', { className: 'quiet' }, from))
}

function ageText({ syncedAt, stalenessMs, indexedAt }, model) {
  if (syncedAt === null) return 'This device has never heard its centre.'
  const when = new Date(syncedAt)
  const time = stalenessMs < OLD_AFTER_MS ? when.toLocaleTimeString() : when.toLocaleString()
  const notes = [`As of ${time}`]
  if (stalenessMs >= OLD_AFTER_MS) notes.push('newer things may be at the centre')
  if (indexedAt === null) notes.push('the index is being made')
  else if (model === null) notes.push('by words and spelling only, for now')
  return `${notes.join(' · ')}.`
}
