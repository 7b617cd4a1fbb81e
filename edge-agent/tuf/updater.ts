/**
 * The client workflow of TUF 1.0.34, section 5, over one repository: root by root, then timestamp, snapshot and targets,
 * each stored as soon as it is trusted, so that a failure later keeps what was won.
 */
import type { Delegation } from '../../rollout/tuf/delegations.ts'
import { metadataName, targetLocation } from '../../rollout/tuf/file-names.ts'
import type { Signers } from '../../rollout/tuf/keys.ts'
import type { TargetFile, Targets } from '../../rollout/tuf/metadata.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import { findTarget } from '../../rollout/tuf/search.ts'
import {
  checkRootFresh,
  checkSnapshotFinal,
  checkTimestampFresh,
  listedTargets,
  openTrust,
  targetsDelegation,
  verifyTargets,
  withRoot,
  withSnapshot,
  withTimestamp,
  type Trust,
} from '../../rollout/tuf/trust.ts'
import type { MetadataFolder } from './metadata-folder.ts'
import { TufUnreachable, type RepositorySource } from './repository-source.ts'

/** What a file may weigh, bytes, where nothing signed says so: the figures that other TUF clients use. */
const ROOT_LIMIT_BYTES = 512_000
const TIMESTAMP_LIMIT_BYTES = 16_384
const SNAPSHOT_LIMIT_BYTES = 2_000_000
const TARGETS_LIMIT_BYTES = 5_000_000
/** Signed or not, no metadata file is taken into memory beyond this. */
const METADATA_LIMIT_BYTES = 64 * 1024 * 1024
/** Roots taken in one update: a device that slept through more goes on in the next one. */
const MAX_ROOT_ROTATIONS = 256

export class Updater {
  readonly #source: RepositorySource
  readonly #folder: MetadataFolder
  #trust: Trust
  /** By the delegation that was followed, never by the role's name alone. */
  readonly #loaded = new Map<Signers, Map<string, Targets>>()

  private constructor(source: RepositorySource, folder: MetadataFolder, trust: Trust) {
    this.#source = source
    this.#folder = folder
    this.#trust = trust
  }

  /**
   * Opens the trusted metadata and brings it up to date as of `startedMs`.
   * Throws {@link TufRefused} or {@link TufUnreachable}; what was trusted until then is stored.
   */
  static async refreshed(
    source: RepositorySource,
    folder: MetadataFolder,
    startedMs: number,
  ): Promise<Updater> {
    const root = await folder.read('root')
    if (root === undefined) throw new TufRefused('not_listed', 'root', 'no root is trusted here yet')
    const updater = new Updater(source, folder, openTrust(root, startedMs))
    await updater.#updateRoot()
    await updater.#updateTimestamp()
    await updater.#updateSnapshot()
    await updater.#load(targetsDelegation(updater.#trust))
    return updater
  }

  /** What the repository's signers say of a target; throws {@link TufRefused} when none that may speak for it lists it. */
  async find(path: string): Promise<TargetFile> {
    const start = targetsDelegation(this.#trust)
    const found = await findTarget(path, start, async (delegation) => await this.#load(delegation))
    if (found === undefined)
      throw new TufRefused('not_listed', path, 'no role that may speak for it lists it')
    return found
  }

  /** A target's bytes as they come: the caller checks length and hashes before anything uses them. */
  fetch(target: TargetFile): AsyncIterable<Uint8Array> {
    const [hash] = target.hashes.values()
    const location = targetLocation(target.path, this.#trust.root.consistentSnapshot ? hash : undefined)
    return this.#source.target(location, target.lengthBytes)
  }

  async #updateRoot(): Promise<void> {
    for (let taken = 0; taken < MAX_ROOT_ROTATIONS; taken += 1) {
      const name = metadataName('root', this.#trust.root.version + 1)
      const bytes = await this.#source.metadata(name, ROOT_LIMIT_BYTES)
      if (bytes === undefined) break
      this.#trust = withRoot(this.#trust, bytes)
      await this.#folder.write('root', bytes)
    }
    checkRootFresh(this.#trust)
  }

  async #updateTimestamp(): Promise<void> {
    await this.#useStored('timestamp', (bytes) => {
      this.#trust = withTimestamp(this.#trust, bytes)
    })
    const bytes = await this.#fetched('timestamp', undefined, TIMESTAMP_LIMIT_BYTES)
    const next = withTimestamp(this.#trust, bytes)
    checkTimestampFresh(next)
    if (next === this.#trust) return
    this.#trust = next
    await this.#folder.write('timestamp', bytes)
  }

  async #updateSnapshot(): Promise<void> {
    const isFinal = await this.#useStored('snapshot', (bytes) => {
      // Even one that is not final guards the versions that it lists.
      this.#trust = withSnapshot(this.#trust, bytes, 'stored')
      checkSnapshotFinal(this.#trust)
    })
    if (isFinal) return
    const listed = this.#trust.timestamp?.snapshot
    const bytes = await this.#fetched(
      'snapshot',
      listed?.version,
      listed?.lengthBytes ?? SNAPSHOT_LIMIT_BYTES,
    )
    const next = withSnapshot(this.#trust, bytes, 'fetched')
    checkSnapshotFinal(next)
    this.#trust = next
    await this.#folder.write('snapshot', bytes)
  }

  async #load(delegation: Delegation): Promise<Targets> {
    const known = this.#loaded.get(delegation.signers)?.get(delegation.role)
    if (known !== undefined) return known
    const targets = (await this.#storedTargets(delegation)) ?? (await this.#fetchedTargets(delegation))
    const byRole = this.#loaded.get(delegation.signers) ?? new Map<string, Targets>()
    this.#loaded.set(delegation.signers, byRole.set(delegation.role, targets))
    return targets
  }

  async #storedTargets(delegation: Delegation): Promise<Targets | undefined> {
    let targets: Targets | undefined
    await this.#useStored(delegation.role, (bytes) => {
      targets = verifyTargets(this.#trust, delegation, bytes)
    })
    return targets
  }

  async #fetchedTargets(delegation: Delegation): Promise<Targets> {
    const { role } = delegation
    const listed = listedTargets(this.#trust, role)
    const bytes = await this.#fetched(role, listed.version, listed.lengthBytes ?? TARGETS_LIMIT_BYTES)
    const targets = verifyTargets(this.#trust, delegation, bytes)
    await this.#folder.write(role, bytes)
    return targets
  }

  /** True when stored bytes were there and hold; one that no longer holds is simply fetched anew. */
  async #useStored(role: string, use: (bytes: Uint8Array) => void): Promise<boolean> {
    const bytes = await this.#folder.read(role)
    if (bytes === undefined) return false
    try {
      use(bytes)
      return true
    } catch (thrown) {
      if (thrown instanceof TufRefused) return false
      throw thrown
    }
  }

  async #fetched(role: string, version: number | undefined, limitBytes: number): Promise<Uint8Array> {
    const name = metadataName(role, this.#trust.root.consistentSnapshot ? version : undefined)
    const bytes = await this.#source.metadata(name, Math.min(limitBytes, METADATA_LIMIT_BYTES))
    if (bytes === undefined) throw new TufUnreachable('absent', `${name} is not there`)
    return bytes
  }
}
