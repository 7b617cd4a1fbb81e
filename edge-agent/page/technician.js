// The technician's page: talks to the agent on this device and to nothing else.
import { openMicrophone } from './microphone.js'
import { renderChanges, renderChangesFault } from './changes.js'
import { openSearch } from './search.js'
import { renderTurn, renderGuide, renderOrders, renderFacts } from './render.js'

const STATUS_EVERY_MS = 2000
const at = (id) => document.getElementById(id)
const body = document.body

let shownChanges = null // what the section shows, so that it is drawn anew only for news
let talking = null // { socket, microphone } while the button is held

function notice(text) {
  at('notice').textContent = text ?? ''
  at('notice').hidden = !text
}

function link(text, tone) {
  const chip = at('link')
  chip.textContent = text
  chip.dataset.tone = tone
}

async function readJson(path, options) {
  const answer = await fetch(path, options)
  const value = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(value.message), { report: value })
  return value
}

async function refresh() {
  try {
    const status = await readJson('v1/status')
    at('device').textContent = `${status.device} · ${status.site} · ${status.environment}`
    const { pending } = status.outbox
    const waiting = pending === 0 ? 'everything sent' : `${pending} waiting`
    if (status.link === 'up') link(`Online · ${waiting}`, 'good')
    else link(`Offline · ${waiting}`, 'wait')
    renderGuide(at('guide'), status.guide)
    renderOrders(at('orders'), status.workOrders)
    renderFacts(at('facts'), status)
    await refreshChanges(status.link === 'up')
    at('hold').disabled = false
    body.dataset.state = 'ready'
    if (at('notice').dataset.kind === 'agent') notice(null)
  } catch {
    body.dataset.state = 'unreachable'
    at('hold').disabled = true
    link('Agent not running', 'bad')
    at('notice').dataset.kind = 'agent'
    notice('The agent on this device does not answer. Start it with “starling up”; this page goes on by itself.')
  }
}

async function refreshChanges(isOnline) {
  let changes
  try {
    changes = await readJson('v1/writes')
  } catch (error) {
    shownChanges = null
    renderChangesFault(at('changes'), error.report ? `${error.message}. ${error.report.remedy}` : 'The changes cannot be shown: the agent does not answer.')
    return
  }
  const key = JSON.stringify({ ...changes, stalenessMs: null, syncedAt: isOnline ? null : changes.syncedAt, isOnline })
  if (key === shownChanges) return
  renderChanges(at('changes'), changes, { isOnline, act: decide })
  shownChanges = key
}

async function decide(button, path, body) {
  button.disabled = true
  notice(null)
  try {
    await readJson(`v1/writes/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  } catch (error) {
    fail('changes', error.report ?? { message: 'The agent does not answer.', remedy: 'Try again.' })
    button.disabled = false
    return
  }
  shownChanges = null
  await refresh()
}

function show(result) {
  at('empty').hidden = true
  at('turns').append(renderTurn(result))
  at('turns').lastElementChild.scrollIntoView({ block: 'nearest' })
  void refresh()
}

function showPartial(text) {
  const partial = at('partial')
  partial.hidden = text === null
  partial.textContent = text === '' ? 'Listening…' : (text ?? '')
}

function fail(kind, report) {
  at('notice').dataset.kind = kind
  notice(`${report.message} ${report.remedy ?? ''}`)
}

async function startTalking() {
  if (talking || at('hold').disabled) return
  notice(null)
  const session = { socket: null, microphone: null, released: false }
  talking = session
  at('hold').setAttribute('aria-pressed', 'true')
  showPartial('')
  try {
    session.microphone = await openMicrophone((pcm) => {
      if (session.socket?.readyState === WebSocket.OPEN) session.socket.send(pcm)
    })
  } catch (error) {
    endTalking(session)
    const denied = error.name === 'NotAllowedError'
    fail('talk', {
      message: denied ? 'The browser was not allowed to use the microphone.' : `No microphone could be opened (${error.message}).`,
      remedy: denied ? 'Allow it in the address bar, or drop a WAV file.' : 'Connect one, or drop a WAV file.',
    })
    return
  }
  const socket = new WebSocket(new URL('v1/talk', location.href.replace(/^http/, 'ws')))
  session.socket = socket
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => {
    socket.send(JSON.stringify({ kind: 'open', sampleRateHz: session.microphone.sampleRateHz }))
    session.microphone.start()
    if (session.released) finish(session)
  }
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (message.kind === 'partial') showPartial(message.text)
    else if (message.kind === 'result') show(message.result)
    else if (message.kind === 'error') fail('talk', message.error)
    if (message.kind !== 'partial') socket.close()
  }
  socket.onclose = () => endTalking(session)
  socket.onerror = () => fail('talk', { message: 'The agent closed the line.', remedy: 'Try again.' })
}

function finish(session) {
  session.microphone.stop()
  session.socket.send(JSON.stringify({ kind: 'finish' }))
}

function stopTalking() {
  const session = talking
  if (!session || session.released) return
  session.released = true
  at('hold').setAttribute('aria-pressed', 'false')
  if (session.socket?.readyState === WebSocket.OPEN) finish(session)
}

function endTalking(session) {
  session.microphone?.stop()
  if (talking === session) talking = null
  at('hold').setAttribute('aria-pressed', 'false')
  showPartial(null)
}

async function sendFile(file) {
  notice(null)
  showPartial(`Listening to ${file.name}…`)
  try {
    show(await readJson('v1/turns', { method: 'POST', headers: { 'content-type': 'audio/wav' }, body: file }))
  } catch (error) {
    fail('talk', error.report ?? { message: 'The file could not be sent.', remedy: 'Is the agent running?' })
  } finally {
    showPartial(null)
  }
}

const hold = at('hold')
hold.addEventListener('pointerdown', (event) => {
  hold.setPointerCapture(event.pointerId)
  void startTalking()
})
for (const end of ['pointerup', 'pointercancel']) hold.addEventListener(end, stopTalking)
const isSpace = (event) => event.code === 'Space' && !event.repeat && event.target.tagName !== 'INPUT' && event.target.tagName !== 'SUMMARY'
addEventListener('keydown', (event) => {
  if (event.code === 'Space' && event.target === hold) event.preventDefault()
  if (isSpace(event)) void startTalking()
})
addEventListener('keyup', (event) => {
  if (event.code === 'Space') stopTalking()
})
addEventListener('blur', stopTalking)
at('file').addEventListener('change', ({ target }) => {
  if (target.files[0]) void sendFile(target.files[0])
  target.value = ''
})
addEventListener('dragover', (event) => {
  event.preventDefault()
  body.classList.add('dropping')
})
addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) body.classList.remove('dropping')
})
addEventListener('drop', (event) => {
  event.preventDefault()
  body.classList.remove('dropping')
  const [file] = event.dataTransfer.files
  if (file) void sendFile(file)
})

openSearch(at('search'), readJson)

async function watch() {
  await refresh()
  setTimeout(() => void watch(), STATUS_EVERY_MS)
}
readJson('v1/turns?limit=20').then(
  ({ turns }) => turns.forEach(show),
  () => {}, // refresh() below says that the agent does not answer
)
void watch()
