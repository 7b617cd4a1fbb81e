// How campaigns, stages, gates and reasons are called for people. What the centre says is shown; this only names it.
import { el, mark, minute, person, words } from './dom.js'

const PHASES = {
  awaiting_approval: ['awaits approval', 'wait'],
  running: ['running', 'good'],
  paused: ['paused', 'wait'],
  halted: ['halted', 'bad'],
  complete: ['complete', 'good'],
  cancelled: ['cancelled', 'plain'],
  superseded: ['superseded', 'plain'],
}
export const phaseMark = (phase) => mark(...(PHASES[phase] ?? [words(phase), 'plain']))

const VERDICTS = { HALT: 'bad', PROMOTE: 'good', HOLD: 'wait' }
export const verdictMark = (decision) => mark(decision, VERDICTS[decision] ?? 'plain')

/** In the order in which a strip shows them. */
export const STAGES = {
  confirmed: ['Confirmed', 'ran it through its probation'],
  trial: ['On trial', 'the candidate answers, in its probation'],
  installing: ['Installing', 'fetches, verifies or tries it, or was not heard of since'],
  failed: ['Failed', 'crashed in its probation, or refused it and tries again'],
  parked: ['Parked', 'its tries are used up: it runs what it ran'],
  returning: ['Going back', 'ordered back to the last good version'],
  returned: ['Returned', 'runs the last good version again'],
  waiting: ['Waiting', 'was not given it yet'],
  control: ['Control', 'keeps what it runs, and is compared with'],
}
export const stageName = (stage) => STAGES[stage]?.[0] ?? words(stage)
export const stageMark = (stage) => el('span', { class: 'stage', 'data-stage': stage, title: STAGES[stage]?.[1] }, stageName(stage))

const HOLDS = {
  missing_treated: 'no device of the ring has been judged yet',
  missing_control: 'there is no control to compare with',
  too_few_devices: 'too few devices have been judged',
  missing_metric: 'too many devices gave no value',
  stale_observations: 'the last observation is too old',
  undecided: 'the evidence shows neither harm nor safety yet',
  shadow_not_declared: 'the ring is too small to compare devices, and no shadow was declared',
  no_gates: 'no gate was declared',
}
export const holdWords = (reason) => HOLDS[reason] ?? words(reason)

const WHYS = {
  not_asked: 'has not asked for it yet',
  not_reported: 'was given it, and has not been heard of since',
  installing: 'installs it',
  deferred: 'waits for a link or for room',
  refused: 'refused it, and tries again',
  parked: 'gave up after its last try',
  probation: 'is in its probation',
  crashed: 'crashed in its probation',
  budget_spent: 'waits: as many devices are at risk as may be',
  ring_full: 'waits: its ring has its share of the fleet',
  site_share_spent: 'waits: as many of its site are at risk as may be',
  bytes_spent: 'waits: the budget of bytes is spent for now',
  frozen: 'waits: a freeze window in its own time',
  no_report: 'waits: it has reported nothing to compare with',
}
export const whyWords = (why) => WHYS[why] ?? words(why)

const GATES = {
  install: ['Installation', 'devices on which it did not install'],
  crash: ['Crashes and silence', 'devices that crashed or fell silent after it was activated'],
  intervention: ['Interventions', 'devices on which somebody had to step in'],
  latency: ['Latency', 'how long an answer takes, against each device’s own past'],
  confidence: ['Confidence', 'how sure answers are, against each device’s own past'],
  shadow: ['Shadow', 'both versions on the same input of each device'],
}
export const gateName = (gate) => GATES[gate]?.[0] ?? words(gate)
export const gateAbout = (gate) => GATES[gate]?.[1] ?? ''

/** What an estimate means, in a sentence without the numbers of the test. */
export function estimateWords({ of, value, low, high }) {
  if (value === null && low === 0 && high === 1) return 'Nothing can be said of the size of an effect yet.'
  const [said, from, to] = [value ?? 0, low, high].map((one) => plain(one))
  if (value === null) return of === 'hazard_ratio' ? `Plausible is that treated devices fail at ${from} to ${to} times the rate of the control.` : `Plausible is anything from ${from} to ${to}.`
  if (of === 'hazard_ratio') return `Treated devices fail at ${said} times the rate of the control (plausible: ${from} to ${to}).`
  if (of === 'failure_share') return `${percent(value)} of treated devices fail (plausible: ${percent(low)} to ${percent(high)}).`
  if (of === 'score_difference') return `Treated devices score ${value === 0 ? 'as well as the control' : `${plain(Math.abs(value))} of 1 ${value > 0 ? 'worse' : 'better'} than the control`} (plausible: ${from} to ${to}).`
  return `${percent(value)} of inputs became worse, less those that became better (plausible: ${percent(low)} to ${percent(high)}).`
}
const percent = (value) => `${(100 * value).toFixed(1)} %`
export const plain = (value) => (Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(1) : Number(value.toPrecision(3)).toLocaleString())

/** Of a row of the list: since when it is as it is, and by whom. */
export function sinceOf({ summary, createdAt, author }) {
  if (summary?.sinceMs == null) return `since ${minute(createdAt)}, made by ${author}`
  const by = summary.by === null ? '' : ` by ${person(summary.by)}`
  return `since ${minute(summary.sinceMs)}${by}`
}
