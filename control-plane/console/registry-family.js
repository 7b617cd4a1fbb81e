// One bundle: its releases as a graph of what follows from what, and every move of its names.
import { call } from './api.js'
import { bytes, el, many, mark, person, quiet, svg, table, tight, when } from './dom.js'

/** Of a row of the graph, as registry.css has it. */
const ROW = 64
const LANE = 22

export const family = (name) => ({
  title: name,
  load: async () => {
    const path = `api/registry/${encodeURIComponent(name)}`
    const [{ releases }, { moves }] = await Promise.all([call(path), call(`${path}/aliases`)])
    return { releases, moves }
  },
  draw: ({ releases, moves }) => [
    el('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, el('a', { href: '#registry', 'data-keep': 'crumb' }, 'Registry'), el('span', { 'aria-hidden': 'true' }, '/'), el('span', { 'aria-current': 'page' }, name)),
    el('h2', {}, name),
    el('section', {}, el('h3', {}, 'Releases, and what each follows'), graph(name, releases)),
    el('section', {}, el('h3', {}, 'Moves of its names'),
      table(['When', 'Name', 'From', 'To', 'By'],
        moves.map(({ alias, from, to, by, at }) => [tight(when(at)), alias, from ?? 'nothing', to ?? 'nothing', person(by)]),
        'No name was moved yet.')),
  ],
})

/** Releases that were stable stand in the first lane, one below the other; each other one hangs beside the release that it follows. */
function graph(name, releases) {
  const rows = new Map(releases.map((one, at) => [one.version, at]))
  const isStem = (one) => one.aliases.includes('stable') || releases.some(({ base }) => base === one.version)
  const lanes = new Map()
  let free = 1
  for (const one of releases) lanes.set(one.version, isStem(one) ? 0 : Math.min(free++, 3))
  const width = LANE * (Math.max(0, ...lanes.values()) + 1)
  const x = (version) => LANE / 2 + LANE * lanes.get(version)
  const y = (version) => ROW / 2 + ROW * rows.get(version)
  const edges = releases.filter(({ base }) => rows.has(base)).map(({ version, base }) => {
    const [fx, fy, tx, ty] = [x(version), y(version), x(base), y(base)]
    return svg('path', { d: fx === tx ? `M${fx} ${fy}V${ty}` : `M${fx} ${fy}V${ty - ROW / 2}C${fx} ${ty} ${fx} ${ty} ${tx} ${ty}` })
  })
  const dots = releases.map((one) => svg('circle', { cx: x(one.version), cy: y(one.version), r: 6, class: one.aliases.includes('stable') ? 'stable' : one.retired ? 'retired' : 'known' }))
  const picture = svg('svg', { class: 'graph-lines', width, height: ROW * releases.length, viewBox: `0 0 ${width} ${ROW * releases.length}`, 'aria-hidden': 'true' }, ...edges, ...dots)
  return el('div', { class: 'graph panel' }, picture, el('ol', { class: 'graph-rows' }, ...releases.map((one) =>
    el('li', {},
      el('div', { class: 'graph-name' }, el('a', { class: 'name', href: `#registry/${name}/${one.version}`, 'data-keep': one.version }, one.version),
        ...one.aliases.map((alias) => mark(alias, alias === 'stable' ? 'good' : 'wait')), one.retired ? mark('retired', 'bad') : null, one.held ? mark('for chosen devices', 'plain') : null,
        ...one.tags.map((tag) => mark(tag, 'plain'))),
      quiet(one.base === null ? 'the first' : `follows ${one.base}`, `, by ${person(one.author)}, `, when(one.publishedAt)),
      el('span', { class: 'graph-size quiet' }, [one.sizeBytes > 0 ? bytes(one.sizeBytes) : null, one.licence || null, one.approvals > 0 ? many(one.approvals, 'approval') : null].filter(Boolean).join(', '))))))
}
