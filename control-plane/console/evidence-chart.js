// The evidence of one gate over time, against its limits: how far it is on its way to HALT and to PROMOTE, on one logarithmic scale.
import { svg, time } from './dom.js'

const WIDTH = 320
const HEIGHT = 88
const LEFT = 2
const TOP = 12
const BOTTOM = 14

/** 0 where there is no evidence at all (1), 1 at the limit. */
export const progressTo = (evidence, limit) => Math.min(1.05, Math.max(0, Math.log(Math.max(evidence, 1)) / Math.log(limit)))

/** `points`: `{ atMs, harm, safe }`, oldest first. */
export function evidenceChart(points, { haltAt, promoteAt, gate }) {
  const [from, to] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0]
  const x = (atMs) => LEFT + (to === from ? 0 : ((atMs - from) / (to - from)) * (WIDTH - 2 * LEFT))
  const y = (part) => HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
  const limit = y(1)
  const line = (value, max, kind) => {
    const steps = points.map((point, at) => {
      const [px, py] = [x(point.atMs).toFixed(1), y(progressTo(point[value], max)).toFixed(1)]
      // Evidence stands until the next look: it is drawn in steps.
      return at === 0 ? `M${px} ${py}` : `H${px}V${py}`
    })
    return svg('path', { d: steps.join(''), class: kind })
  }
  const last = points.at(-1)
  const label = last === undefined
    ? `${gate}: no evidence yet`
    : `${gate}, ${time(from)} to ${time(to)}: evidence of harm is ${Math.round(100 * progressTo(last.harm, haltAt))} % of the way to HALT, of safety ${Math.round(100 * progressTo(last.safe, promoteAt))} % of the way to PROMOTE`
  return svg('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label },
    svg('line', { x1: 0, x2: WIDTH, y1: limit, y2: limit, class: 'limit' }),
    svg('text', { x: LEFT, y: limit - 3, 'aria-hidden': 'true' }, 'limit'),
    svg('line', { x1: 0, x2: WIDTH, y1: y(0), y2: y(0), class: 'base' }),
    points.length === 0 ? null : line('safe', promoteAt, 'safe'),
    points.length === 0 ? null : line('harm', haltAt, 'harm'),
    ...(last === undefined ? [] : [
      svg('circle', { cx: x(last.atMs), cy: y(progressTo(last.safe, promoteAt)), r: 3, class: 'safe' }),
      svg('circle', { cx: x(last.atMs), cy: y(progressTo(last.harm, haltAt)), r: 3, class: 'harm' }),
    ]))
}

const span = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
export const spanOf = (points) => (points.length < 2 ? '' : span.formatRange(new Date(points[0].atMs), new Date(points.at(-1).atMs)))
