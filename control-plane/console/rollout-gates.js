// What the gates of a ring say and why: the evidence against its limits, its course, and the reason in plain words.
import { command, count, el, quiet } from './dom.js'
import { evidenceChart, progressTo, spanOf } from './evidence-chart.js'
import { estimateWords, gateAbout, gateName, holdWords, plain, verdictMark } from './rollout-words.js'

/** `why.ring` is the number of the opened ring that was chosen; null follows the newest. */
export function gates(seen, why, me, choose) {
  const opened = seen.rings
  if (opened.length === 0) return [el('h3', {}, 'Gates'), el('div', { class: 'panel empty' }, 'The gates are asked once the first ring is open.')]
  const round = why.ring === null ? opened.length - 1 : Math.min(why.ring, opened.length - 1)
  const { name, verdict, baking } = opened[round]
  return [
    el('div', { class: 'row' }, el('h3', {}, 'Gates'),
      opened.length === 1 ? null : el('div', { class: 'choice', role: 'group', 'aria-label': 'Of which ring' }, ...opened.map((ring, at) =>
        el('button', { type: 'button', 'aria-pressed': String(at === round), 'data-keep': `gates ${at}`, onclick: () => choose(at === opened.length - 1 ? null : at) }, roundName(opened, at))))),
    verdict === null
      ? el('div', { class: 'panel empty' }, `The gates of ${name} have not been asked yet: the next tick of the centre’s clock asks them.`)
      : said({ name, isBake: baking !== undefined }, verdict, why.points.filter((point) => point.round === round)),
    round === opened.length - 1 ? allTheSame(seen, opened[round], me) : null,
  ]
}

/** A few devices cannot show everything: a person may know better, and signs for it. */
function allTheSame({ campaign, phase, plan: { author } }, { name, outcome, verdict, override }, me) {
  if (phase !== 'running' || outcome !== 'open' || verdict?.decision !== 'HOLD' || override || !me.may['rollout.promote'] || me.id === author) return null
  return el('details', { 'data-keep': 'all the same' }, el('summary', {}, 'Let it pass although its gates hold'),
    quiet(`Somebody other than ${author} may sign that ${name} passes, and name what they know that the gates do not. It is watched for as long as it has to be all the same, and its gates can still halt it. Run this where your key lies:`),
    command(`starling rollout promote ${campaign} --key YOUR-KEY-FILE --reason "…"`))
}

/** A ring that was begun again is there twice. */
function roundName(opened, at) {
  const round = opened.slice(0, at + 1).filter(({ name }) => name === opened[at].name).length
  return round === 1 ? opened[at].name : `${opened[at].name}, ${round}`
}

function said(ring, { decision, holdReason, evidence }, points) {
  // What halts is shown first, whether the ring needed it or not.
  const first = [...evidence.filter((one) => one.decision === 'HALT'), ...evidence.filter((one) => one.needed && one.decision !== 'HALT')]
  const others = evidence.filter((one) => !first.includes(one))
  return el('div', {},
    el('p', { class: 'verdict' }, verdictMark(decision), el('span', {}, verdictWords(ring, { decision, holdReason, evidence }))),
    el('div', { class: 'gates-grid' }, ...first.map((one) => gate(one, points))),
    others.length === 0 ? null : el('details', { 'data-keep': 'other gates' },
      el('summary', {}, `${others.length} more that ${ring.name} does not need to go on, and that halt it all the same`),
      el('div', { class: 'gates-grid' }, ...others.map((one) => gate(one, points)))))
}

function verdictWords({ name, isBake }, { decision, holdReason, evidence }) {
  if (decision === 'HALT') return `${evidence.filter((one) => one.decision === 'HALT').map(({ gate: of }) => gateName(of)).join(' and ')}: there is enough evidence of harm.`
  if (decision === 'PROMOTE' && isBake) return 'No gate has found harm among the devices that are observed once more; that is all that the bake asks.'
  if (decision === 'PROMOTE') return `Each gate that ${name} needs has enough evidence that the release is safe.`
  const behind = evidence.filter((one) => one.needed && one.decision === 'HOLD').map(({ gate: of }) => gateName(of).toLowerCase())
  return `${holdWords(holdReason ?? 'undecided')}${behind.length === 0 ? '' : ` (${behind.join(', ')})`}.`.replace(/^./, (first) => first.toUpperCase())
}

function gate(one, points) {
  const { gate: of, decision, holdReason, harmEvidence, haltAt, safeEvidence, promoteAt, estimate, arms, text } = one
  const course = points.flatMap(({ atMs, gates: values }) => (values[of] ? [{ atMs, harm: values[of][0], safe: values[of][1] }] : []))
  return el('article', { class: 'gate', 'data-decision': decision, 'aria-label': gateName(of) },
    el('div', { class: 'row' }, el('h4', {}, gateName(of)), verdictMark(decision)),
    quiet(gateAbout(of)),
    meter('Harm', harmEvidence, haltAt, 'harm', 'halts at'),
    meter('Safety', safeEvidence, promoteAt, 'safe', 'goes on at'),
    el('figure', {}, evidenceChart(course, { haltAt, promoteAt, gate: gateName(of) }), el('figcaption', { class: 'quiet' }, course.length < 2 ? 'Its course begins here.' : spanOf(course))),
    el('p', { class: 'plain-words' }, holdReason === null ? '' : `It holds: ${holdWords(holdReason)}. `, estimateWords(estimate)),
    el('details', { 'data-keep': `gate ${of}` }, el('summary', {}, 'In the words of the gate'),
      el('p', { class: 'quiet' }, text),
      el('p', { class: 'quiet' }, `Treated: ${armWords(arms.treated)}. Control: ${armWords(arms.control)}.`)))
}

const armWords = ({ entered, judged, missing }) => `${count(entered)} observed, ${count(judged)} judged${missing === 0 ? '' : `, ${count(missing)} without a value`}`

function meter(name, evidence, limit, kind, reaches) {
  const part = progressTo(evidence, limit)
  const fill = el('span', { class: kind })
  fill.style.width = `${Math.min(100, 100 * part)}%`
  return el('div', { class: 'meter' },
    el('span', { class: 'name', 'data-kind': kind }, name),
    el('span', { class: 'track', role: 'meter', 'aria-label': `${name}: evidence`, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.round(Math.min(100, 100 * part))), 'aria-valuetext': `${plain(evidence)}, ${reaches} ${plain(limit)}` }, fill),
    el('span', { class: 'figure' }, plain(evidence), el('span', { class: 'quiet' }, ` ${reaches} ${plain(limit)}`)))
}
