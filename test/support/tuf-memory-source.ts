/** A test's TUF repository as a source without a network, with the same limits. */
import { TufUnreachable, type RepositorySource } from '../../edge-agent/tuf/repository-source.ts'
import type { TestRepository } from './tuf-repository.ts'

/** `metadata/NAME` or `targets/LOCATION`, as a file server would find it. */
export function findServed(repository: TestRepository, name: string): Uint8Array | undefined {
  const artifact = /^targets\/((?:.*\/)?)[0-9a-f]+\.([^/]*)$/.exec(name)
  if (artifact !== null) return repository.artifacts.get(`${artifact[1]}${artifact[2]}`)
  const [, version, role] = /^metadata\/(?:(\d+)\.)?(.*)\.json$/.exec(name) ?? []
  const versions = repository.published.get(decodeURIComponent(role ?? ''))
  return version === undefined ? versions?.at(-1) : versions?.[Number(version) - 1]
}

export function memorySource(repository: TestRepository): RepositorySource {
  const bounded = (name: string, limitBytes: number): Uint8Array | undefined => {
    const bytes = findServed(repository, name)
    if (bytes !== undefined && bytes.length > limitBytes)
      throw new TufUnreachable('endless', `${name} is too long`)
    return bytes
  }
  return {
    metadata: (name, limitBytes) => Promise.resolve().then(() => bounded(`metadata/${name}`, limitBytes)),
    target: async function* (location, limitBytes) {
      const bytes = await Promise.resolve(bounded(`targets/${location}`, limitBytes))
      if (bytes === undefined) throw new TufUnreachable('absent', `${location} is not there`)
      yield bytes
    },
  }
}
