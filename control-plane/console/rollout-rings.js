// The rings as strips: who waits, installs, is on trial, has confirmed, failed, gave up, went back; and the control beside them.
import { count, duration, el, many, mark, quiet, share, when, words } from './dom.js'
import { STAGES, stageName, verdictMark } from './rollout-words.js'

export function rings(seen) {
  return [...seen.progress.rings.map((ring) => planned(seen, ring)), bake(seen)]
}

function planned(seen, ring) {
  const records = seen.rings.filter(({ name }) => name === ring.name)
  const record = records.at(-1)
  return el('li', { class: 'ring', 'data-state': record?.outcome ?? 'ahead' },
    el('div', { class: 'row' },
      el('h4', {}, el('a', { href: devicesHref(seen, ring.name), 'data-keep': `ring ${ring.name}` }, ring.name)),
      ...outcomeOf(seen, record),
      el('span', { class: 'quiet end' }, `${many(ring.devices, 'device')}, up to ${share(ring.share, 1)} of the fleet`)),
    strip(seen, ring.name, ring.stages, ring.devices),
    quiet(...times(ring, record, records.length)))
}

/** After the last ring the control stays behind once more, and devices are observed anew: what breaks late breaks then. */
function bake(seen) {
  const { bakeMs } = seen.plan
  if (bakeMs === undefined) return null
  const records = seen.rings.filter(({ baking }) => baking)
  const record = records.at(-1)
  return el('li', { class: 'ring', 'data-state': record?.outcome ?? 'ahead' },
    el('div', { class: 'row' }, el('h4', {}, 'bake'), ...outcomeOf(seen, record),
      record ? el('span', { class: 'quiet end' }, `${count(record.planned.treated)} observed against ${count(record.planned.control)}`) : null),
    quiet('After the last ring the control stays behind once more: what breaks late shows here. '),
    quiet(...times({ dwellMs: bakeMs }, record, records.length)))
}

export function control(seen) {
  const { devices, stages } = seen.progress.control
  if (devices === 0) return null
  return el('div', { class: 'ring', 'data-state': 'control' },
    el('div', { class: 'row' }, el('h4', {}, el('a', { href: devicesHref(seen, 'control'), 'data-keep': 'ring control' }, 'Control')), el('span', { class: 'quiet end' }, many(devices, 'device'))),
    strip(seen, 'control', stages, devices),
    quiet(seen.phase === 'complete' ? 'The rings are through: whoever of them asks gets it too.' : 'They keep what they run for as long as the rings are judged, and are compared with.'))
}

const OUTCOMES = { promoted: ['passed', 'good'], halted: ['halted', 'bad'] }

function outcomeOf({ phase }, record) {
  if (record === undefined) return [mark('ahead', 'plain')]
  const { outcome, verdict, override } = record
  return [
    mark(...(OUTCOMES[outcome] ?? [phase === 'running' ? 'open' : words(phase), 'wait'])),
    verdict ? el('span', { class: 'says' }, 'gates say ', verdictMark(verdict.decision)) : null,
    override ? el('span', { class: 'says' }, `${override.by} signed that it may pass: ${override.reason}`) : null,
  ]
}

function times({ dwellMs }, record, round) {
  if (record === undefined) return [`watched ${duration(dwellMs)} at least, once it is open`]
  const parts = ['opened ', when(record.openedMs)]
  if (record.closedMs !== null) parts.push(', closed ', when(record.closedMs))
  else parts.push(`, watched until `, when(record.openedMs + dwellMs), ' at least')
  if (round > 1) parts.push(`; begun for the ${['', 'first', 'second', 'third', 'fourth', 'fifth'][round] ?? `${round}th`} time`)
  return parts
}

const devicesHref = ({ campaign }, ring, stage) => `#rollouts/${campaign}/devices?ring=${ring}${stage ? `&stage=${stage}` : ''}`

/** Colours are the second way to tell: each part is named with its number, and leads to its devices. */
function strip(seen, ring, stages, devices) {
  const parts = Object.keys(STAGES).filter((stage) => stages[stage] > 0)
  const bar = el('div', { class: 'strip', 'aria-hidden': 'true' }, ...parts.map((stage) => {
    const part = el('span', { 'data-stage': stage })
    part.style.flexGrow = String(stages[stage])
    return part
  }))
  if (devices === 0) return el('p', { class: 'quiet' }, 'No device is in it.')
  return el('div', {}, bar, el('ul', { class: 'legend' }, ...parts.map((stage) =>
    el('li', {}, el('a', { href: devicesHref(seen, ring, stage), 'data-keep': `${ring} ${stage}`, title: STAGES[stage][1] },
      el('span', { class: 'dot', 'data-stage': stage, 'aria-hidden': 'true' }), `${stageName(stage)} `, el('b', {}, count(stages[stage])))))))
}
