// How a release did on what was held back, beside what ran then: each figure with its interval, on one scale.
import { el, mark, quiet, svg, table, words } from './dom.js'
import { plain } from './rollout-words.js'

const WIDTH = 180
const HEIGHT = 28

/** `follows`: the evaluation of the release that it follows, where its own names no incumbent. */
export function evaluated({ base, metrics, evaluation }, follows) {
  const judged = evaluation?.predicate
  if (judged === undefined) return el('div', { class: 'panel empty' }, 'It was published without an evaluation.')
  const contract = new Map(metrics.map((metric) => [metric.name, metric]))
  const before = judged.incumbent ?? (follows === null ? null : { version: base, figures: follows.predicate.figures })
  const isSameSet = follows === null || follows.predicate.configuration?.[0]?.digest.sha256 === judged.configuration?.[0]?.digest.sha256
  return el('div', {},
    table(['Figure', 'This release', before ? `Incumbent ${before.version}` : 'Incumbent', 'Side by side', 'Has to be', 'Test'],
      judged.figures.map((figure) => {
        const metric = contract.get(figure.name)
        const was = before?.figures.find(({ name }) => name === figure.name)
        const failed = judged.failedTests.filter((name) => name === figure.name || name.startsWith(`${figure.name} against `))
        return [
          el('span', {}, words(figure.name), quiet(metric ? `${metric.unit}, ${metric.direction} is better` : '')),
          value(figure), was ? value(was) : '–', interval(figure, was, metric),
          metric?.threshold == null ? '–' : `${metric.direction === 'higher' ? 'at least' : 'at most'} ${metric.threshold}`,
          failed.length === 0 ? mark('passed', 'good') : mark(`failed: ${failed.join(', ')}`, 'bad'),
        ]
      }),
      'No figure is given.'),
    quiet(`Method: ${judged.method.replace(/[.\s]*$/, '.')}`, ...against(judged, before, isSameSet)))
}

function against(judged, before, isSameSet) {
  if (before === null) return [' It was held against nothing that ran before.']
  if (judged.incumbent !== null) return []
  return [` Its own statement names no incumbent: the figures of ${before.version} are those of its own statement, on ${isSameSet ? 'the same set' : 'another set'}.`]
}

const value = ({ value: one, low, high, of }) => el('span', {}, el('b', {}, plain(one)), quiet(`${plain(low)} to ${plain(high)}, of ${plain(of)}`))

/** Two whiskers on one scale; the table beside it has the numbers. */
function interval(figure, was, metric) {
  const all = [figure, was].filter(Boolean)
  const ends = all.flatMap(({ low, high }) => [low, high]).concat(metric?.threshold ?? [])
  const [from, to] = [Math.min(...ends), Math.max(...ends)]
  const room = (to - from || Math.abs(to) || 1) * 0.08
  const x = (at) => 4 + ((at - from + room) / (to - from + 2 * room)) * (WIDTH - 8)
  const whisker = ({ low, high, value: middle }, y, kind) => [
    svg('line', { x1: x(low), x2: x(high), y1: y, y2: y, class: kind }),
    svg('circle', { cx: x(middle), cy: y, r: 4, class: kind }),
  ]
  return svg('svg', { class: 'whiskers', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: 'img', 'aria-label': `${figure.name}: ${figure.value}${was ? ` against ${was.value}` : ''}` },
    metric?.threshold == null ? null : svg('line', { x1: x(metric.threshold), x2: x(metric.threshold), y1: 0, y2: HEIGHT, class: 'threshold' }),
    ...whisker(figure, was ? 9 : 14, 'now'), ...(was ? whisker(was, 20, 'was') : []))
}
