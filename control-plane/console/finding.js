// Narrowing a list that the centre pages: the choice is in the address, so that it can be sent to somebody.
import { query } from './api.js'
import { el } from './dom.js'

/** `choices`: `{ name, label, options: [value, text][] }`. */
export function found(here, wanted, choices, total) {
  const go = (change) => (location.hash = `${here}${query({ ...wanted, after: null, ...change })}`)
  const input = el('input', { type: 'search', 'aria-label': 'Find by a part of the device’s or site’s name', placeholder: 'Find device or site', value: wanted.find ?? '', pattern: '[A-Za-z0-9\\-]{0,40}', 'data-keep': 'find' })
  const form = el('form', { class: 'finding', role: 'search' }, input,
    ...choices.map(({ name, label, options }) => {
      const select = el('select', { 'aria-label': label, 'data-keep': name }, ...options.map(([value, text]) => el('option', { value }, text)))
      select.value = wanted[name] ?? ''
      select.addEventListener('change', () => go({ [name]: select.value }))
      return select
    }),
    el('button', { type: 'submit', class: 'second' }, 'Find'),
    el('span', { class: 'quiet', role: 'status' }, total))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    go({ find: input.value.trim() })
  })
  return form
}
