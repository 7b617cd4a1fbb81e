/** What a schema found wrong in a YAML file, said at its place in words that help. */
import type * as v from 'valibot'
import type { YamlFile } from './yaml-places.ts'

const SEE = 'See edge-agent/domains/README.md for the form of a domain file.'

/** Throws DomainRefused. */
export function issueIn(yaml: YamlFile, issue: v.BaseIssue<unknown>): never {
  const path = issue.path?.map(({ key }) => key as string | number) ?? []
  const last = String(path.at(-1) ?? 'the file')
  if (issue.path?.at(-1)?.origin === 'key') {
    if (issue.expected === 'never')
      yaml.refuseKey(
        path,
        `“${last}” is not known here`,
        `Take it out, or look for a slip of the hand. ${SEE}`,
      )
    if (issue.received === 'undefined')
      yaml.refuse(path.slice(0, -1), `“${last}” is missing`, `Write it here. ${SEE}`)
    yaml.refuseKey(path, `“${last}”: ${issue.message}`, SEE)
  }
  // A variant that no option fits says so of its `type`.
  const why = issue.type === 'variant' && issue.received !== 'undefined' ? kinds(issue) : issue.message
  return yaml.refuse(path, `${last}: ${lowered(why)}`, SEE)
}

function kinds(issue: v.BaseIssue<unknown>): string {
  return `it is one of ${issue.expected?.replaceAll(/["()]/g, '').replaceAll(' | ', ', ') ?? 'other kinds'}`
}

function lowered(text: string): string {
  return text.replace(/^Invalid \w+: Expected (.*) but received (.*)$/, 'expected $1, found $2')
}
