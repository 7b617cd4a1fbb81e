// What a person may do with a campaign. Halt is always at hand: a reason and one press. Everything else is asked back, by naming what will
// happen. What the policy does not let somebody do is not shown; what the centre refuses all the same is said with its remedy.
import { send, toldOf } from './api.js'
import { count, el, many, quiet } from './dom.js'

const MAX_REASON = 500
const UNDER_WAY = new Set(['running', 'paused', 'complete'])

export function actionBar(id, { me, said, failed }, taken) {
  const may = (word) => me.may[`rollout.${word}`]
  const halt = haltForm(id)
  const buttons = el('div', { class: 'deeds' })
  const fault = el('p', { class: 'fault', role: 'alert', hidden: '' })
  const node = el('section', { class: 'action-bar', 'aria-label': 'Actions', hidden: '' }, fault, el('div', { class: 'deeds-row' }, halt.node, buttons))
  let seen = null
  let isAway = false
  let dialog = null
  let drawn = null

  const command = async (word, reason) => {
    const now = await send('POST', `api/rollouts/${encodeURIComponent(id)}/${word}`, { reason })
    said(DONE[word](now))
    taken(now)
  }
  halt.node.addEventListener('submit', (event) => {
    event.preventDefault()
    void halted()
  })
  const halted = async () => {
    halt.busy(true)
    tell(null)
    try {
      await command('halt', halt.reason())
      halt.clear()
    } catch (error) {
      tell(`${toldOf(error, 'it is not halted from here')}${isAway ? ` On a machine that reaches it: starling rollout halt ${id} --reason "…"` : ''}`)
    } finally {
      halt.busy(false)
    }
  }
  const tell = (text) => {
    fault.textContent = text ?? ''
    fault.hidden = !text
  }
  const ask = (word) => {
    dialog?.remove()
    dialog = asking(word, seen, async (reason) => await command(word, reason))
    document.body.append(dialog)
    dialog.addEventListener('close', () => {
      dialog?.remove()
      buttons.querySelector(`[data-keep="${word}"]`)?.focus()
    })
    dialog.showModal()
  }
  const button = (word, text, kind) => el('button', { type: 'button', class: kind, 'data-keep': word, onclick: () => ask(word) }, text)
  return {
    node,
    update(now) {
      seen = now
      const { phase } = now
      const offered = [
        phase === 'running' && may('pause') ? button('pause', 'Pause…', 'second') : null,
        (phase === 'paused' || phase === 'halted') && may('resume') ? button('resume', 'Resume…', 'second') : null,
        ['awaiting_approval', 'running', 'paused', 'halted', 'complete'].includes(phase) && may('cancel') ? button('cancel', 'Cancel…', 'second') : null,
      ].filter(Boolean)
      const isHaltable = UNDER_WAY.has(phase) && may('halt')
      halt.node.hidden = !isHaltable
      halt.says(now)
      node.hidden = !isHaltable && offered.length === 0
      const key = offered.map(({ textContent }) => textContent).join()
      if (key === drawn) return
      drawn = key
      const focused = buttons.contains(document.activeElement)
      buttons.replaceChildren(...offered)
      if (focused) (buttons.firstElementChild ?? document.getElementById('main')).focus()
    },
    connected(is) {
      isAway = !is
    },
    close() {
      dialog?.close()
      dialog?.remove()
    },
    failed,
  }
}

function haltForm(id) {
  const input = el('input', { id: 'halt-reason', name: 'reason', required: '', maxlength: String(MAX_REASON), autocomplete: 'off', placeholder: 'Why? For the record', 'aria-label': `Why ${id} is halted`, 'aria-describedby': 'halt-says' })
  const press = el('button', { type: 'submit', class: 'halt' }, 'Halt')
  const says = el('span', { id: 'halt-says', class: 'quiet' })
  const node = el('form', { class: 'halt-form' }, input, press, says)
  return {
    node,
    reason: () => input.value.trim() || 'no reason was given',
    clear: () => (input.value = ''),
    busy: (is) => (press.disabled = is),
    says({ counts: { fleet, exposed, returned }, plan: { lastGood } }) {
      const text = `${many(exposed - returned, 'device')} of ${count(fleet)} would go back to ${lastGood.version} at once.`
      if (says.textContent !== text) says.textContent = text
    },
  }
}

const DONE = {
  halt: ({ campaign }) => `${campaign} is halted`,
  pause: ({ campaign }) => `${campaign} is paused`,
  cancel: ({ campaign }) => `${campaign} is cancelled`,
  resume: ({ campaign }) => `${campaign} goes on`,
}

/** What will happen, by the state as it is now. */
const ASKED = {
  pause: ({ counts, plan: { candidate } }) => ({
    title: 'Pause',
    says: [`No further device begins. The ${many(counts.exposed - counts.returned, 'device')} that ${counts.exposed - counts.returned === 1 ? 'has' : 'have'} ${candidate.version} keep it and stay under watch; its gates can still halt it.`, 'One person can resume it.'],
    press: 'Pause it',
  }),
  resume: ({ campaign, phase, resumers, rings, plan: { candidate } }) => {
    if (phase === 'paused') return { title: 'Resume', says: ['It goes on where it stood: devices of the open ring begin again.'], press: 'Resume it' }
    const ring = rings.at(-1)?.name
    const goes = `it goes on: ring ${ring} begins anew, and its devices are given ${candidate.version} again`
    return {
      title: 'Resume',
      says: [
        resumers.length === 0
          ? `After a halt two different people have to sign; with the second signature ${goes}.`
          : `${resumers.join(', ')} signed already. With the signature of another person ${goes}.`,
        `Sign where your key lies: starling rollout resume ${campaign} --key FILE`,
      ],
      press: null,
    }
  },
  cancel: ({ phase, counts, plan: { lastGood } }) => ({
    title: 'Cancel for good',
    says: [
      phase === 'awaiting_approval' ? 'No device was given anything.' : `${many(counts.exposed - counts.returned, 'device')} go back to ${lastGood.version}.`,
      'It cannot be resumed: another campaign has to be created and approved.',
    ],
    press: 'Cancel it for good',
  }),
}

function asking(word, seen, carryOut) {
  const { title, says, press } = ASKED[word](seen)
  const id = `asked-${word}`
  const fault = el('p', { class: 'fault', role: 'alert', hidden: '' })
  const reason = el('input', { id: `${id}-reason`, required: '', maxlength: String(MAX_REASON), autocomplete: 'off' })
  const does = press === null ? null : el('button', { type: 'submit', class: word === 'cancel' ? 'halt' : '' }, press)
  const away = el('button', { type: 'button', class: 'second', onclick: () => dialog.close() }, press === null ? 'Close' : 'Not now')
  const form = el('form', {},
    el('h3', { id: `${id}-title` }, `${title}: ${seen.campaign}`), ...says.map((text) => el('p', {}, text)),
    ...(press === null ? [] : [el('label', { for: `${id}-reason` }, 'Why, for the record'), reason, quiet('It is kept with your name.')]),
    fault, el('div', { class: 'deeds' }, does, away))
  const dialog = el('dialog', { 'aria-labelledby': `${id}-title` }, form)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void (async () => {
      does.disabled = true
      fault.hidden = true
      try {
        await carryOut(reason.value.trim() || 'no reason was given')
        dialog.close()
      } catch (error) {
        fault.textContent = toldOf(error, 'nothing was changed')
        fault.hidden = false
      } finally {
        does.disabled = false
      }
    })()
  })
  return dialog
}
