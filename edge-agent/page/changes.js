// Changes that are not through: two versions to choose between, those that the centre did not take, those on their way.
import { el } from './render.js'

const WHY = {
  schema: 'a value was not valid',
  forbidden: 'devices may not change this',
  missing_row: 'it is no longer at the centre',
  scope: 'it belongs to another site',
  key_taken: 'there was one already',
  list_full: 'the list is full',
  settled: 'somebody else settled it first',
  dependency: 'it built on a change that was not taken',
}

const time = (iso) => (iso ? new Date(iso).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' }) : '')
const words = (name) => name.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase()
/** A value for people: names like on_hold as words, texts as they are. */
function said(value) {
  if (value === null || value === undefined || value === '') return 'nothing'
  if (Array.isArray(value)) return value.join(', ')
  const text = String(value)
  return /^[a-z_]+$/.test(text) ? words(text) : text
}

/** The columns that differ, as people read them; times that only go with another column are left out. */
function version(values) {
  const columns = Object.keys(values).filter((column) => !column.endsWith('At'))
  return columns.map((column) => said(values[column])).join(', ')
}

function author({ device, person, at }) {
  if (device === null) return at === null ? 'the centre' : `the centre, ${time(at)}`
  return [person === null ? device : `${person} on ${device}`, time(at)].filter(Boolean).join(', ')
}

function button(label, act, plain) {
  return el('button', { type: 'button', className: plain ? 'choose plain' : 'choose', onclick: (event) => act(event.currentTarget) }, label)
}

function side(title, values, by, action) {
  return el('div', { className: 'side' }, el('h4', {}, title), el('p', { className: 'value' }, version(values)), el('p', { className: 'quiet' }, author(by)), action)
}

function conflict(one, act) {
  const chosen = one.choice
  const choose = (take) =>
    chosen === null
      ? button('Take this', (pressed) => act(pressed, `conflicts/${encodeURIComponent(one.id)}`, { take }))
      : el('p', { className: 'quiet' }, chosen === take ? 'Chosen; the centre has not heard of it yet.' : '')
  return el('li', { className: 'change', dataset: { kind: 'conflict' } },
    el('h3', {}, `${title(one.what)}: ${words(one.field)}`),
    el('p', { className: 'quiet' }, `It was ${version(one.base)}. ${one.theirsBy.device === null ? 'The centre changed it too' : 'Two people changed it'}, without seeing each other.`),
    el('div', { className: 'sides' }, side('Was set aside', one.ours, one.oursBy, choose('ours')), side('Stands now', one.theirs, one.theirsBy, choose('theirs'))))
}

const title = (text) => text.charAt(0).toUpperCase() + text.slice(1)

/** What a change says beside the name of its row: no ids, no times, nothing that is empty, nothing twice. */
function patchOf({ patch, what }) {
  return Object.entries(patch)
    .filter(([column, value]) => !/(?:At|By|Id)$/.test(column) && value !== null && value !== false && !what.includes(String(value)))
    .map(([column, value]) => (column === 'withdrawn' ? 'withdrawn' : `${words(column)}: ${said(value)}`))
    .join(' · ')
}

function rejected(one, act) {
  const path = encodeURIComponent(one.id)
  const deeds = el('div', { className: 'deeds' },
    button('Send again', (pressed) => act(pressed, path, { do: 'retry' })),
    button('Let it go', (pressed) => act(pressed, path, { do: 'discard' }), true))
  return el('li', { className: 'change', dataset: { kind: 'rejected' } },
    el('h3', {}, title(one.what)),
    el('p', {}, patchOf(one)),
    el('p', { className: 'quiet' }, `Not taken: ${WHY[one.code] ?? one.reason ?? one.code}.`),
    one.because === null ? deeds : el('p', { className: 'quiet' }, 'It goes with the one before it.'))
}

function pending(one, act) {
  return el('li', { className: 'pending' },
    el('span', {}, el('strong', {}, title(one.what)), ` ${patchOf(one)}`),
    one.undone ? el('span', { className: 'quiet' }, 'taken back') : button('Take back', (pressed) => act(pressed, encodeURIComponent(one.id), { do: 'undo' }), true))
}

function list(title, items) {
  return items.length === 0 ? [] : [el('h3', { className: 'part' }, title), el('ul', {}, ...items)]
}

const SHOWN_PENDING = 5

/** `act(button, path, body)` carries a decision out. */
export function renderChanges(section, shown, { isOnline, act }) {
  const body = section.querySelector('.body')
  body.classList.remove('skeleton')
  const open = shown.conflicts.filter(({ status }) => status === 'open')
  // A change and the one that takes it back are shown as one.
  const waiting = shown.pending.filter(({ undoes }) => undoes === null)
  const more = waiting.length - SHOWN_PENDING
  const parts = [
    ...list('Which one counts?', open.map((one) => conflict(one, act))),
    ...list('Not taken by the centre', shown.rejected.map((one) => rejected(one, act))),
    ...list(isOnline ? 'On the way to the centre' : 'Kept here until there is a link', waiting.slice(0, SHOWN_PENDING).map((one) => pending(one, act))),
    ...(more > 0 ? [el('p', { className: 'quiet' }, `and ${more} more`)] : []),
    ...(shown.dropped > 0 ? [el('p', { className: 'quiet' }, `${shown.dropped} older ones are only in the journal.`)] : []),
  ]
  if (parts.length === 0) parts.push(el('p', { className: 'quiet' }, 'Every change made here is at the centre, and nobody disagrees.'))
  if (!isOnline && (open.length > 0 || shown.rejected.length > 0))
    parts.unshift(el('p', { className: 'quiet' }, `As of ${time(shown.syncedAt) || 'the last contact'}. A decision is kept and goes up with the link.`))
  body.replaceChildren(...parts)
}

export function renderChangesFault(section, message) {
  const body = section.querySelector('.body')
  body.classList.remove('skeleton')
  body.replaceChildren(el('p', { className: 'fault', role: 'alert' }, message))
}
