/** Counters that the worker writes and the owner reads at any moment, in shared memory. */

const SLOTS = ['fileSyncs', 'folderSyncs', 'walBytes', 'walBytesSinceCheckpoint', 'diskFullErrors'] as const
export type Meter = (typeof SLOTS)[number]

export class Meters {
  readonly memory: SharedArrayBuffer
  readonly #slots: BigInt64Array

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(SLOTS.length * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory
    this.#slots = new BigInt64Array(memory)
  }

  read(meter: Meter): number {
    return Number(Atomics.load(this.#slots, SLOTS.indexOf(meter)))
  }

  add(meter: Meter, amount: number): void {
    Atomics.add(this.#slots, SLOTS.indexOf(meter), BigInt(amount))
  }

  reset(meter: Meter): void {
    Atomics.store(this.#slots, SLOTS.indexOf(meter), 0n)
  }
}
