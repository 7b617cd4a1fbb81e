/** Which folder a domain lies in that somebody names: a bundle that is installed, or one that was built on this machine. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'
import type { Ears, Mind } from '../turn/ports.ts'
import type { Installer } from '../update/installer.ts'
import type { Models } from './models.ts'

export class DomainUnknown extends StarlingError {
  override readonly code = 'domain_unknown'
}

export interface DomainShelf {
  /** Ears and mind of the domain that is named; of the one that runs for null. Throws {@link DomainUnknown}. */
  take(name: string | null): Promise<{ readonly ears: Ears; readonly mind: Mind }>
}

export interface ShelfParts {
  readonly models: Pick<Models, 'ears' | 'mind' | 'domain' | 'within'>
  readonly installer: Pick<Installer, 'active'>
  /** Where the command keeps what it builds. */
  readonly builtDir: string
}

/** A name goes into a path. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
/** The bundle that the intents of a new device come from, and the domain in it. */
const SHIPPED = { bundle: 'intent', domain: 'field-service' } as const

export function openDomainShelf({ models, installer, builtDir }: ShelfParts): DomainShelf {
  const folderOf = async (name: string): Promise<string | null> => {
    const built = join(builtDir, name)
    if (existsSync(join(built, 'card.json'))) return built
    const bundle = name === SHIPPED.domain ? SHIPPED.bundle : `domain-${name}`
    // A longer name is no bundle's.
    return bundle.length > 40 ? null : ((await installer.active(bundle))?.dir ?? null)
  }
  return {
    take: async (name) => {
      if (name === null || name === models.domain()) return { ears: models.ears(), mind: models.mind() }
      const folder = NAME.test(name) ? await folderOf(name) : null
      if (folder !== null) return await models.within(folder)
      throw new DomainUnknown(`this device knows no domain “${name}”`, {
        remedy: 'Give the path of its file, or publish it and wait for the device to take it.',
      })
    },
  }
}
