/** A source whose roots are looked at before anything believes them: for this environment and this repository, or refused. */
import { checkAudience, type Audience } from '../../rollout/tuf/audience.ts'
import type { RepositorySource } from './repository-source.ts'

/** Throws `TufRefused` (`wrong_audience`) out of `metadata` for a root that is for somebody else. */
export function audienceSource(source: RepositorySource, audience: Audience): RepositorySource {
  return {
    ...source,
    metadata: async (name, limitBytes) => {
      const bytes = await source.metadata(name, limitBytes)
      if (bytes !== undefined && /^\d+\.root\.json$/.test(name)) checkAudience(bytes, audience)
      return bytes
    },
  }
}
