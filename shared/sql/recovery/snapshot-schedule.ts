/** When a snapshot is due: after a while in which something was written, or after much was, whichever comes first. */
import type { Clock } from '../../clock.ts'
import type { EmbeddedDatabase } from '../embedded-database.ts'
import {
  listSnapshots,
  PageDamaged,
  SNAPSHOT_EVERY_MS,
  SNAPSHOT_EVERY_WAL_BYTES,
  SnapshotSkipped,
  takeSnapshot,
} from './snapshots.ts'

export class SnapshotSchedule {
  readonly #folder: string
  readonly #clock: Clock
  #lastAtMs: number
  #walBytesAtLast = 0

  private constructor(folder: string, clock: Clock, lastAtMs: number) {
    this.#folder = folder
    this.#clock = clock
    this.#lastAtMs = lastAtMs
  }

  static async open(folder: string, clock: Clock): Promise<SnapshotSchedule> {
    const [newest] = await listSnapshots(folder)
    return new SnapshotSchedule(folder, clock, newest?.atMs ?? 0)
  }

  /** Makes one if it is time. Damage that it finds ends the database; whatever else hinders is tried again when the next is due. */
  async takeWhenDue(database: EmbeddedDatabase): Promise<void> {
    const { walBytes } = database.walMeters()
    const written = walBytes - this.#walBytesAtLast
    const sinceMs = this.#clock.nowMs() - this.#lastAtMs
    // A clock that was set back must not put the next one off for years.
    const isTime = sinceMs >= SNAPSHOT_EVERY_MS || sinceMs < 0
    // The first is made as soon as there is a round; later ones only of what changed.
    const isFirst = this.#lastAtMs === 0
    if (!isFirst && (written === 0 || (!isTime && written < SNAPSHOT_EVERY_WAL_BYTES))) return
    try {
      await database.whileStill(async (still) => await takeSnapshot(this.#folder, still, this.#clock))
    } catch (thrown) {
      if (thrown instanceof PageDamaged) database.reportDamage(thrown)
      else if (!(thrown instanceof SnapshotSkipped)) throw thrown
    }
    this.#lastAtMs = this.#clock.nowMs()
    this.#walBytesAtLast = database.walMeters().walBytes
  }
}
