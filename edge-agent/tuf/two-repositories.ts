/**
 * The device's view of the image repository and the director together. An installer asks here before it takes a bundle:
 *
 *   const both = await TwoRepositories.refreshed({ director, image }, clock.nowMs())
 *   const target = await both.agreed(bundleTargetPath(bundle.name, bundle.version))
 *   checkIsTarget(target, { sha256: bundle.envelopeSha256, sizeBytes: bundle.envelopeSizeBytes })
 *
 * When both are out of date and the network is gone, nothing new is installed; what runs goes on.
 */
import { agreedTarget, type AgreedTarget } from '../../rollout/tuf/agreement.ts'
import type { MetadataFolder } from './metadata-folder.ts'
import type { RepositorySource } from './repository-source.ts'
import { Updater } from './updater.ts'

/** One repository: where its files come from, and where its trusted metadata lies. Never share a folder between the two. */
export interface RepositorySide {
  readonly source: RepositorySource
  readonly folder: MetadataFolder
}

export class TwoRepositories {
  readonly #director: Updater
  readonly #image: Updater

  private constructor(director: Updater, image: Updater) {
    this.#director = director
    this.#image = image
  }

  /** Brings both up to date as of one instant. Throws when either cannot be: half an answer is none. */
  static async refreshed(
    sides: { readonly director: RepositorySide; readonly image: RepositorySide },
    startedMs: number,
  ): Promise<TwoRepositories> {
    const { director, image } = sides
    return new TwoRepositories(
      await Updater.refreshed(director.source, director.folder, startedMs),
      await Updater.refreshed(image.source, image.folder, startedMs),
    )
  }

  /** The target under this path, if both name it alike. Throws `TufRefused` otherwise. */
  async agreed(path: string): Promise<AgreedTarget> {
    const directed = await this.#director.find(path)
    return agreedTarget(await this.#image.find(path), directed)
  }

  /** Its bytes, out of the image repository; they are checked by whoever takes them. */
  fetch(target: AgreedTarget): AsyncIterable<Uint8Array> {
    return this.#image.fetch(target)
  }
}
