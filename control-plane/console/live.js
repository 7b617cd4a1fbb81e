// A course of server-sent events that is followed for as long as somebody looks. Read as a stream and not by EventSource, because the
// centre's beats and its refusals are to be seen too: a connection that is dead without saying so is found out, and begun anew.
import { Denied, Refused } from './api.js'

/** The centre beats every 20 s: two that are missing are a dead connection. */
const SILENCE_MS = 45_000
const AGAIN_AFTER_MS = [1_000, 2_000, 5_000, 10_000, 20_000]

/**
 * Calls `seen(value)` for each change, `lost(lastNewsMs)` when the connection is gone, `failed(error)` when the centre refuses, once. Returns
 * what ends it. A page that is not looked at holds no connection: browsers have only six for a host.
 */
export function follow(path, { seen, lost, failed, isOver }) {
  let now = null
  let again = null
  let isEnded = false
  let tries = 0
  let newsMs = null

  const begin = async () => {
    if (isEnded || now !== null || document.hidden) return
    const mine = new AbortController()
    now = mine
    try {
      const over = await read(path, mine, (value) => {
        if (isEnded || now !== mine) return false
        tries = 0
        newsMs = Date.now()
        if (value !== undefined) shown(seen, value)
        return value !== undefined && isOver(value)
      })
      if (over) isEnded = true
    } catch (error) {
      if (error instanceof Denied || error instanceof Refused) {
        isEnded = true
        if (!mine.signal.aborted) failed(error)
      }
    } finally {
      mine.abort()
      if (now === mine) now = null
    }
    if (isEnded || document.hidden) return
    lost(newsMs)
    again = setTimeout(() => void begin(), AGAIN_AFTER_MS[Math.min(tries, AGAIN_AFTER_MS.length - 1)])
    tries += 1
  }
  const turned = () => {
    clearTimeout(again)
    if (document.hidden) {
      now?.abort()
      now = null
    } else void begin()
  }
  const online = () => {
    clearTimeout(again)
    void begin()
  }
  const offline = () => now?.abort()
  document.addEventListener('visibilitychange', turned)
  addEventListener('online', online)
  addEventListener('offline', offline)
  void begin()
  return () => {
    isEnded = true
    clearTimeout(again)
    document.removeEventListener('visibilitychange', turned)
    removeEventListener('online', online)
    removeEventListener('offline', offline)
    now?.abort()
  }
}

/** A fault in what draws it is no fault of the connection. */
function shown(seen, value) {
  try {
    seen(value)
  } catch (error) {
    reportError(error)
  }
}

/** True when the course came to its end by itself. */
async function read(path, controller, take) {
  const answer = await fetch(path, { signal: controller.signal, headers: { accept: 'text/event-stream' } })
  if (answer.status === 401) throw new Denied()
  if (!answer.ok) throw new Refused(await answer.json(), answer.status)
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const silence = setTimeout(() => controller.abort(), SILENCE_MS)
    const { done, value } = await reader.read().finally(() => clearTimeout(silence))
    if (done) return false
    text += value
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text.slice(0, end).split('\n').find((line) => line.startsWith('data: '))
      text = text.slice(end + 2)
      if (take(data === undefined ? undefined : JSON.parse(data.slice(6)))) return true
    }
  }
}

/**
 * The same by asking again: `load` every `everyMs` while the page is looked at. `seen`, `lost` and `failed` as for {@link follow}; a refusal
 * is told each time, and asked again.
 */
export function poll(load, everyMs, { seen, lost, failed }) {
  let isEnded = false
  let asking = null
  let newsMs = null
  const ask = () => {
    if (isEnded || document.hidden) return null
    return (asking ??= asked().finally(() => (asking = null)))
  }
  const asked = async () => {
    let value
    try {
      value = await load()
    } catch (error) {
      if (isEnded) return
      if (error instanceof Denied || error instanceof Refused) failed(error)
      else lost(newsMs)
      return
    }
    newsMs = Date.now()
    if (!isEnded) seen(value)
  }
  const timer = setInterval(() => void ask(), everyMs)
  const turned = () => void ask()
  document.addEventListener('visibilitychange', turned)
  void ask()
  return {
    /** Anew, and not by an answer that is on its way already: it may be older than what was just done. */
    async again() {
      await asking
      await ask()
    },
    end() {
      isEnded = true
      clearInterval(timer)
      document.removeEventListener('visibilitychange', turned)
    },
  }
}

