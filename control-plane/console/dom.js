// Elements, and how values read. Text is only ever set as text.
const SVG = 'http://www.w3.org/2000/svg'

export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value)
    else if (value !== null && value !== undefined) node.setAttribute(key, value)
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined))
  return node
}

const seconds = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const minutes = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const counts = new Intl.NumberFormat()

/** ISO text or milliseconds. */
export const time = (at) => (at === null || at === undefined || at === '' ? '–' : seconds.format(new Date(at)))
/** To the minute, as text and as an element. */
export const minute = (at) => minutes.format(new Date(at))
export const when = (at) => (at === null || at === undefined ? '–' : el('time', { datetime: new Date(at).toISOString() }, minute(at)))
const NOBODY = { 'control-plane': 'the centre', gates: 'its gates', upgrade: 'an upgrade of Starling' }
/** A person, or what acted by itself. */
export const person = (name) => NOBODY[name] ?? name
export const clockTime = (at) => clock.format(new Date(at))
export const count = (value) => counts.format(value)
/** `1 device`, `2 devices`. */
export const many = (value, noun, nouns = `${noun}s`) => `${count(value)} ${value === 1 ? noun : nouns}`
export const words = (name) => name.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase()
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1)

export function share(part, whole) {
  if (whole === 0) return '0 %'
  const percent = (100 * part) / whole
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`
}

export function bytes(value) {
  if (value < 1000) return `${value} B`
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} KB`
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(2)} GB`
}

export function duration(ms) {
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
  if (ms < minute) return `${Math.max(0, Math.round(ms / 1000))} s`
  if (ms < 2 * hour) return `${Math.round(ms / minute)} min`
  return ms < 2 * day ? `${trimmed(ms / hour)} h` : `${trimmed(ms / day)} days`
}
const trimmed = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1))

export const mark = (text, tone) => el('span', { class: 'mark', 'data-tone': tone }, text)
export const quiet = (...children) => el('p', { class: 'quiet' }, ...children)

/** A number that matters, by itself; what is said of it leads to where there is more to see. */
export function card(title, value, note, { tone, href } = {}) {
  const said = href === undefined ? note : el('a', { href, 'data-keep': `card ${title}` }, note)
  return el('div', { class: 'card' }, el('h3', {}, title), el('strong', {}, String(value)), tone ? mark(said, tone) : quiet(said))
}

/** On a narrow screen a row becomes a block whose cells bear the headings; the roles keep it a table for whoever hears it. */
export function table(headings, rows, empty) {
  if (rows.length === 0) return el('div', { class: 'panel empty' }, ...[empty].flat())
  return el('div', { class: 'panel' },
    el('table', { role: 'table' },
      el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...headings.map((heading) => el('th', { scope: 'col', role: 'columnheader' }, heading)))),
      el('tbody', { role: 'rowgroup' }, ...rows.map((cells) => el('tr', { role: 'row' }, ...cells.map((cell, at) => inRow(cell, headings[at])))))))
}

function inRow(cell, heading) {
  const node = cell instanceof HTMLTableCellElement ? cell : el('td', {}, cell)
  node.setAttribute('role', 'cell')
  // On a narrow screen a cell that says nothing takes no line.
  if (node.textContent === '–') node.dataset.none = 'yes'
  if (heading) node.dataset.label = heading
  return node
}
export const tight = (...children) => el('td', { class: 'tight' }, ...children)
export const num = (value) => el('td', { class: 'num' }, String(value))

export const facts = (...lines) =>
  el('dl', { class: 'facts' }, ...lines.filter(([, value]) => value !== null && value !== undefined).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))

/** A command to run elsewhere, with a button that copies it. */
export function command(text) {
  const button = el('button', { type: 'button', class: 'plain', 'data-keep': `copy ${text}` }, 'copy')
  button.addEventListener('click', () => void copied(text, button))
  return el('div', { class: 'command' }, el('code', {}, text), button)
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text)
    button.textContent = 'copied'
  } catch {
    button.textContent = 'select and copy it'
  }
}

/** A part of the page that is drawn anew only when what it shows has changed; focus, opened details and what was typed stay. */
export function region(name, attributes = {}) {
  const node = el(name, attributes)
  let shown = null
  return {
    node,
    draw(value, make) {
      const key = JSON.stringify(value)
      if (key === shown) return
      shown = key
      repaint(node, make(value))
    },
    forget() {
      shown = null
    },
  }
}

function repaint(node, children) {
  const kept = (name) => node.querySelector(`[data-keep="${CSS.escape(name)}"]`)
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined
  const typed = [...node.querySelectorAll('input[data-keep]')].map((input) => [input.dataset.keep, input.value, input.selectionStart])
  const open = [...node.querySelectorAll('details[open][data-keep]')].map((details) => details.dataset.keep)
  node.replaceChildren(...[children].flat().filter((child) => child !== null && child !== undefined))
  for (const name of open) kept(name)?.setAttribute('open', '')
  for (const [name, value, place] of typed) {
    const input = kept(name)
    if (input === null || input.value === value) continue
    input.value = value
    if (name === focused) input.setSelectionRange(place, place)
  }
  if (focused !== undefined) kept(focused)?.focus({ preventScroll: true })
}
