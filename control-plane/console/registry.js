// The registry: which bundles there are, what each alias names, and by which place which page of one is opened.
import { call } from './api.js'
import { command, count, el, many, mark, person, quiet, table, when } from './dom.js'
import { family } from './registry-family.js'
import { release } from './registry-release.js'

export function registry({ rest: [name, version] }) {
  if (name === undefined) return list()
  return version === undefined ? family(name) : release(name, version)
}

const list = () => ({
  title: 'Registry',
  load: async () => {
    const [{ releases, aliases }, { rollouts }] = await Promise.all([call('api/registry'), call('api/rollouts')])
    return { releases, aliases, rollouts: rollouts.filter(({ phase }) => ['awaiting_approval', 'running', 'paused', 'halted'].includes(phase)) }
  },
  draw,
})

function draw({ releases, aliases, rollouts }) {
  const names = [...new Set(releases.map(({ name }) => name))]
  return [
    el('h2', {}, 'Registry'),
    table(['Bundle', 'Stable', 'Other names', 'Newest', 'Versions', 'Rollout'],
      names.map((name) => {
        const versions = releases.filter((one) => one.name === name)
        const named = aliases.filter((one) => one.name === name)
        const stable = named.find(({ alias }) => alias === 'stable')
        const others = named.filter(({ alias }) => alias !== 'stable')
        const course = rollouts.find(({ bundle }) => bundle === name)
        const [newest] = versions
        return [
          el('a', { class: 'name', href: `#registry/${name}` }, name),
          stable ? el('span', {}, versionLink(name, stable.version), quiet(`since `, when(stable.setAt), ` by ${person(stable.setBy)}`)) : mark('nothing is stable', 'wait'),
          others.length === 0 ? '–' : el('ul', { class: 'bundles' }, ...others.map(({ alias, version }) => el('li', {}, `${alias} `, versionLink(name, version)))),
          el('span', {}, versionLink(name, newest.version), quiet('published ', when(newest.publishedAt))),
          `${count(versions.length)}${versions.some(({ retired }) => retired) ? `, ${many(versions.filter(({ retired }) => retired).length, 'retired', 'retired')}` : ''}`,
          course ? el('a', { href: `#rollouts/${course.campaign}` }, `${course.campaign}: ${course.version}`) : '–',
        ]
      }),
      [el('p', {}, 'Nothing is published yet.'), command('starling bundle publish FOLDER')]),
  ]
}

const versionLink = (name, version) => el('a', { href: `#registry/${name}/${version}` }, version)
