// One release: what it is, what it was made of and from, how it did against what ran, who vouches for it, and what became of it.
import { call, Refused } from './api.js'
import { bytes, capital, command, el, facts, mark, person, quiet, table, time, when, words } from './dom.js'
import { evaluated } from './registry-evaluation.js'
import { madeOf } from './registry-lineage.js'

export const release = (name, version) => ({
  title: `${name} ${version}`,
  everyMs: 15_000,
  load: async () => {
    const path = `api/registry/${encodeURIComponent(name)}`
    const [shown, { releases }, keys] = await Promise.all([call(`${path}/${encodeURIComponent(version)}`), call(path), call('api/keys')])
    const chains = {}
    for (const alias of shown.aliases) chains[alias] = await chainOf(path, alias)
    // Where its own statement names no incumbent, the release that it follows is what it is read against.
    const isAlone = shown.evaluation !== null && shown.evaluation.predicate.incumbent == null
    const before = isAlone && shown.base !== null ? await call(`${path}/${encodeURIComponent(shown.base)}`) : null
    return { shown, releases, keys, chains, before: before?.evaluation ?? null }
  },
  draw,
})

/** Null for a name that was given without a signed move: the very first release of a bundle. */
async function chainOf(path, alias) {
  try {
    const { promotion } = await call(`${path}/aliases/${encodeURIComponent(alias)}/chain`)
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(promotion.payload), (letter) => letter.charCodeAt(0))))
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null
    throw error
  }
}

function draw({ shown, releases, keys, chains, before }, { me }) {
  const { name, version, card, author, aliases, tags, transitions } = shown
  const retired = transitions.some(({ kind }) => kind === 'retired')
  return [
    el('nav', { class: 'crumbs', 'aria-label': 'Where you are' },
      el('a', { href: '#registry', 'data-keep': 'crumb' }, 'Registry'), el('span', { 'aria-hidden': 'true' }, '/'), el('a', { href: `#registry/${name}`, 'data-keep': 'crumb name' }, name), el('span', { 'aria-hidden': 'true' }, '/'), el('span', { 'aria-current': 'page' }, version)),
    el('div', { class: 'row title' }, el('h2', {}, `${name} ${version}`), ...aliases.map((alias) => mark(alias, alias === 'stable' ? 'good' : 'wait')), retired ? mark('retired', 'bad') : null, ...tags.map((tag) => mark(tag, 'plain'))),
    el('p', { class: 'change' }, card.title ?? '', el('span', { class: 'quiet' }, ` made by ${person(author)}, ${time(shown.createdAt)}`)),
    life(transitions),
    el('div', { class: 'pair' }, el('section', {}, el('h3', {}, 'Card'), cardOf(shown)), el('section', {}, el('h3', {}, 'Who vouches for it'), signatures(shown, keys, me))),
    el('section', {}, el('h3', {}, 'Lineage'), madeOf(shown, releases)),
    el('section', {}, el('h3', {}, 'Evaluation'), evaluated(shown, before)),
    el('section', {}, el('h3', {}, 'How it got its names'), promotions(shown, chains)),
    el('section', {}, el('h3', {}, 'Files'),
      table(['File', 'For', 'Size', 'SHA-256'], shown.files.map(({ path, role, sizeBytes, sha256 }) => [path, role, bytes(sizeBytes), el('code', { class: 'hash' }, sha256)]), 'It names no file.')),
  ]
}

const STEPS = ['registered', 'evaluated', 'signed', 'approved', 'staged', 'promoted']

/** The way of every release, and how far this one came. */
function life(transitions) {
  const reached = new Map(transitions.map((step) => [step.kind, step]))
  const ends = ['demoted', 'retired'].filter((kind) => reached.has(kind))
  return el('ol', { class: 'life', 'aria-label': 'Its life so far' }, ...[...STEPS, ...ends].map((kind) => {
    const step = reached.get(kind)
    return el('li', { 'data-reached': step ? 'yes' : 'no', 'data-kind': kind }, el('b', {}, capital(kind)), step ? quiet(`${person(step.by)}, `, when(step.at)) : quiet('not yet'))
  }))
}

function cardOf({ card, environment, expiresAt, envelopeSha256, metrics }) {
  const own = metrics.filter(({ source }) => source === 'device')
  return el('div', { class: 'card' }, facts(
    ['Licence', card.licence ?? '–'],
    ['For', card.intendedUse ?? '–'],
    ['Limits', card.limits ?? '–'],
    ['Languages', (card.languages ?? []).join(', ') || '–'],
    ['Environment', environment],
    ['New installs until', time(expiresAt)],
    ['Watched on devices', own.length === 0 ? 'nothing' : own.map(({ name, threshold, unit, direction }) => `${words(name)}${threshold === null ? '' : ` (${direction === 'lower' ? 'at most' : 'at least'} ${threshold} ${unit})`}`).join(', ')],
    ['Signed manifest', el('code', { class: 'hash' }, envelopeSha256)]))
}

function signatures({ name, version, author, aliases, signatures: found, approvals }, keys, me) {
  const line = (holds, what, detail) => el('li', {}, mark(holds ? 'holds' : 'does not hold', holds ? 'good' : 'bad'), el('div', {}, el('b', {}, what), quiet(detail)))
  const [alias = 'stable'] = aliases
  return el('div', { class: 'card' },
    quiet('Each was verified by the centre as this page was loaded.'),
    found.length === 0 ? el('p', {}, mark('not verified', 'wait'), ' It was published in an earlier form, without signed statements.') : el('ul', { class: 'vouched' }, ...found.map(({ what, holds, detail }) => line(holds, capital(what.replace(' signature', '')), detail))),
    approvals.length === 0 ? quiet('Nobody but its author has signed it.') : el('ul', { class: 'vouched' }, ...approvals.map(({ person, keyId, at, holds }) => line(holds, `Approved by ${person}`, `${time(at)}, key ${keyId.slice(0, 16)}`))),
    me.may['release.approve'] && me.id !== author ? el('div', {}, quiet('To approve it, sign it where your key lies:'), command(`starling registry approve ${name} ${version} --key YOUR-KEY-FILE`)) : null,
    aliases.length === 0 ? null : el('details', { 'data-keep': 'offline' }, el('summary', {}, 'Verify it without this centre'),
      command(`starling registry chain ${name} --alias ${alias} --out ${name}.chain.json`),
      command(`starling registry verify ${name}.chain.json --policy-key ${keys.policy} --release-key ${keys.release}`)))
}

function promotions({ transitions }, chains) {
  const moves = transitions.filter(({ kind, detail }) => (kind === 'promoted' || kind === 'staged' || kind === 'demoted') && detail.alias)
  return el('div', {},
    ...Object.entries(chains).map(([alias, chain]) => el('div', { class: 'card chain' }, el('h4', {}, `“${alias}” now`), chain === null
      ? quiet('The first release of a bundle is stable at once, since nothing runs that it could harm: there is no signed move.')
      : facts(['Moved', `from ${chain.from ?? 'nothing'} by ${person(chain.by)}, ${time(chain.at)}`], ['Rules', `${chain.rules.join(', ')} (policy ${chain.policy.version})`], ['Approvals', `${chain.needed} needed; ${chain.approvers.length === 0 ? 'none' : chain.approvers.join(', ')}`], ['Campaign', chain.campaign ? el('a', { href: `#rollouts/${chain.campaign.campaign}` }, chain.campaign.campaign) : 'none: somebody moved it'], ['Rings that passed', chain.campaign?.rings.map(({ ring }) => ring).join(', ')], ['Signed by', 'the policy key of the centre']))),
    table(['When', 'Step', 'Name', 'By'], moves.map(({ kind, by, at, detail }) => [when(at), words(kind), detail.alias, person(by)]), 'No name was ever given to it.'))
}
