// What a release was made of and from: data, recipe, the release before, and what it was held against; as boxes that lead to one another.
import { el, many, mark, quiet } from './dom.js'

const BAD_CONSENT = new Set(['unknown', 'missing'])

export function madeOf({ name, version, base, provenance, evaluation }, releases) {
  const build = provenance?.predicate.buildDefinition
  const data = build?.resolvedDependencies ?? []
  const steps = build?.internalParameters?.transforms ?? []
  const judged = evaluation?.predicate
  const [held] = judged?.configuration ?? []
  return el('div', { class: 'flow', role: 'list', 'aria-label': 'Lineage' },
    box('Data', data.length === 0 ? quiet('No dataset is named.') : el('ul', { class: 'bundles' }, ...data.map(dataset))),
    box('Recipe', el('p', {}, build?.externalParameters?.recipe ?? 'unknown'), ...steps.map(({ step, tool }) => quiet(`${step} (${tool})`)),
      quiet(`by ${provenance?.predicate.runDetails?.builder?.id ?? 'nobody who is named'}`)),
    el('div', { class: 'box this', role: 'listitem', 'aria-current': 'true' }, el('h4', {}, `${name} ${version}`), ...before({ name, version, base }, releases)),
    box('Judged on', held ? el('p', {}, held.name) : quiet('No held-back set is named.'), held ? quiet(`${many(held.annotations.items, 'item')}, ${held.annotations.licence}`) : null,
      judged ? mark(judged.result === 'PASSED' ? 'passed' : judged.result.toLowerCase(), judged.result === 'PASSED' ? 'good' : 'bad') : mark('not judged', 'bad')))
}

function box(title, ...children) {
  return el('div', { class: 'box', role: 'listitem' }, el('h4', {}, title), ...children)
}

function dataset({ name, annotations = {} }) {
  const consent = annotations.consent?.state ?? 'unknown'
  return el('li', {}, el('span', {}, name), quiet(`${annotations.use ?? 'use unknown'}, ${annotations.licence ?? 'licence unknown'}`), mark(`consent ${consent.replaceAll('-', ' ')}`, BAD_CONSENT.has(consent) ? 'wait' : 'plain'))
}

/** Back to the first, and what came after. */
function before({ name, version, base }, releases) {
  const known = new Map(releases.map((one) => [one.version, one]))
  const line = []
  for (let at = base; at !== null && at !== undefined && line.length < 6 && !line.includes(at); at = known.get(at)?.base ?? null) line.push(at)
  const after = releases.filter((one) => one.base === version)
  const link = (one) => el('a', { href: `#registry/${name}/${one}`, 'data-keep': `lineage ${one}` }, one)
  return [
    line.length === 0 ? quiet('It is the first of its name.') : el('p', {}, 'follows ', ...line.flatMap((one, at) => [at === 0 ? '' : ' ← ', link(one)])),
    after.length === 0 ? null : el('p', {}, 'followed by ', ...after.flatMap((one, at) => [at === 0 ? '' : ', ', link(one.version)])),
  ]
}
