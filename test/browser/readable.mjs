// Runs in the page: what somebody who cannot see well, or not at all, needs of it, read off as the browser draws it.
const canvas = document.createElement('canvas')
canvas.width = canvas.height = 1
const context = canvas.getContext('2d', { willReadFrequently: true })

function rgba(colour) {
  context.clearRect(0, 0, 1, 1)
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data
  return [r, g, b, a / 255]
}

function over(top, under) {
  return [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3])).concat(1)
}

function behind(element) {
  if (element === null) return [255, 255, 255, 1]
  const own = rgba(getComputedStyle(element).backgroundColor)
  return own[3] === 1 ? own : over(own, behind(element.parentElement))
}

function luminance(colour) {
  const [r, g, b] = colour.slice(0, 3).map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

const isSeen = (element) => element.checkVisibility({ visibilityProperty: true })

/** Texts whose contrast against what lies behind them is below `least`, each with its ratio. */
function faintTexts(least) {
  const faint = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    const text = node.textContent.trim()
    if (text === '' || !isSeen(element) || element instanceof SVGElement) continue
    if (element.closest('button:disabled') !== null) continue
    const ground = behind(element)
    const [a, b] = [luminance(over(rgba(getComputedStyle(element).color), ground)), luminance(ground)]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < least) faint.add(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`)
  }
  return [...faint]
}

/** Controls without a name, images without one, headings that skip a level, ids that are there twice. */
function unnamed() {
  const faults = []
  const controls = 'a[href], button, input, select, [role=meter], [role=img], dialog'
  for (const control of document.querySelectorAll(controls)) {
    if (!isSeen(control)) continue
    const by = (control.getAttribute('aria-labelledby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id))
    const names = [...by, ...(control.labels ?? []), control].map((one) => one?.textContent ?? '')
    if ([control.getAttribute('aria-label') ?? '', ...names].every((name) => name.trim() === ''))
      faults.push(`no name: ${control.outerHTML.slice(0, 120)}`)
  }
  let level = 0
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!isSeen(heading)) continue
    const now = Number(heading.tagName.slice(1))
    if (now > level + 1 && level > 0) faults.push(`from h${level} to h${now}: ${heading.textContent}`)
    level = now
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`)
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main')
  return faults
}

/** By how many pixels the page is wider than its window. */
function overflowPx() {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth
}
