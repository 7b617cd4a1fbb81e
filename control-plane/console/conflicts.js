// The conflicts view: two versions side by side, whose and when, and a choice; below, what was settled and what was rejected.
import { call, send, toldOf } from './api.js'
import { capital, el, mark, table, tight, time, words } from './dom.js'

/** A value for people: names like on_hold as words, texts as they are. */
function said(value) {
  if (value === null || value === undefined || value === '') return 'nothing'
  if (Array.isArray(value)) return value.join(', ')
  const text = String(value)
  return /^[a-z_]+$/.test(text) ? words(text) : text
}

/** Times that only go with another column are left out. */
function version(values) {
  return Object.keys(values).filter((column) => !column.endsWith('At')).map((column) => said(values[column])).join(', ')
}

function author({ device, person, at }) {
  const who = device === null ? 'the centre' : person === null ? device : `${person} on ${device}`
  return at === null ? who : `${who}, ${time(at)}`
}

/** The row as people call it. */
function nameOf({ table: noun, key, row }) {
  const name = [row?.number, row?.name, row?.title, row?.text].filter((value) => typeof value === 'string' && value !== '').slice(0, 2).join(', ')
  return capital(`${words(noun)} ${name === '' ? key : name.slice(0, 80)}`)
}

function side(title, values, by, { stands, choose }) {
  return el('div', { class: 'side', 'data-stands': stands ? 'yes' : null },
    el('h5', {}, title), el('p', { class: 'value' }, version(values)), el('p', { class: 'quiet' }, author(by)), choose)
}

function card(one, settle) {
  const choose = (take) => settle && el('button', { type: 'button', 'data-keep': `${one.id} ${take}`, onclick: (event) => void settle(one.id, take, event.currentTarget) }, 'Take this')
  return el('li', { class: 'conflict' },
    el('div', { class: 'row' }, el('h4', {}, `${nameOf(one)}: ${words(one.field)}`), one.policy === 'person' ? mark('a person must choose', 'wait') : mark('settled by rule, may be changed', 'good')),
    el('p', { class: 'quiet' }, `It was ${version(one.base)} before.`),
    el('div', { class: 'sides' },
      side('Stands now', one.theirs, one.theirsBy, { stands: true, choose: choose('theirs') }),
      side('Was set aside', one.ours, one.oursBy, { stands: false, choose: choose('ours') })))
}

async function settled(id, take, button, { again, redraw, notice }) {
  button.disabled = true
  let fault = null
  try {
    await send('POST', `api/conflicts/${encodeURIComponent(id)}`, { take })
  } catch (error) {
    fault = toldOf(error, 'nothing was chosen')
  }
  redraw()
  await again()
  if (fault !== null) notice(fault)
}

export const conflicts = () => ({
  title: 'Conflicts',
  load: async () => await call('api/conflicts'),
  draw: (data, tools) => drawn(data, tools.me.may['context.settle'] ? (id, take, button) => settled(id, take, button, tools) : null),
})

function drawn({ conflicts: list, rejected }, settle) {
  const open = list.filter(({ status }) => status === 'open')
  const done = list.filter(({ status }) => status === 'settled')
  return [
    el('h2', {}, 'Conflicts'),
    open.length === 0
      ? el('div', { class: 'panel empty' }, 'All changes agree. Where two people change the same without seeing each other, both versions come here.')
      : el('ul', { class: 'conflicts' }, ...open.map((one) => card(one, settle))),
    el('section', {}, el('h3', {}, 'Settled'),
      table(['When', 'What', 'Taken', 'Not taken', 'By'],
        done.map((one) => {
          const [taken, left] = one.choice === 'ours' ? [one.ours, one.theirs] : [one.theirs, one.ours]
          return [tight(time(one.settledAt)), `${nameOf(one)}: ${words(one.field)}`, version(taken), version(left), one.settledBy ?? '–']
        }),
        'Nothing was settled yet.')),
    el('section', {}, el('h3', {}, 'Changes that were not taken'),
      table(['Device', 'What', 'Fault', 'Why', 'Change'],
        rejected.map((one) => [one.device ?? '–', words(one.table), mark(words(one.code ?? 'rejected'), 'bad'), one.reason ?? '–', el('code', {}, one.id)]),
        'Every change that came up was taken. One that is not waits on its device, with what depends on it.')),
  ]
}
