/** The imported models that run: opened when they are first asked for, a few at a time, their files checked each time. */
import type { Clock } from '../../shared/clock.ts'
import { dictationModel, modelDir } from '../models-import/registry.ts'
import { readCard } from '../neural/model-folder.ts'
import { openNeuralRecogniser, type NeuralRecogniser } from '../neural/neural-recogniser.ts'
import { openDictationEars } from '../turn/dictation-ears.ts'
import { openRuntimeEars } from '../turn/runtime-ears.ts'
import type { Ears } from '../turn/ports.ts'

/** Each is a thread with its weights in memory: one that is used, and one to compare it with. */
const MAX_OPEN = 2

interface Open {
  readonly digest: string
  readonly recogniser: Promise<NeuralRecogniser>
  /** Calls that are listening with it: it is closed when the last of them is done. */
  users: number
  isRetired: boolean
}

export class Dictation {
  readonly #folder: string
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #open = new Map<string, Open>()

  constructor(folder: string, clock: Clock, signal: AbortSignal) {
    this.#folder = folder
    this.#clock = clock
    this.#signal = signal
  }

  /** The model that was chosen for dictation; null when the released one listens. */
  chosen(): string | null {
    return dictationModel(this.#folder)
  }

  /** Throws `ModelUnknown`, or what the model is refused for. */
  async ears(name: string): Promise<Ears> {
    const dir = modelDir(this.#folder, name)
    const card = readCard(dir)
    if (card.source === 'declared') return openRuntimeEars(card, this.#clock)
    const current = this.#current(name, dir, card.digest)
    try {
      const ears = openDictationEars(await current.recogniser, card, this.#clock)
      return {
        model: ears.model,
        listen: async (audio, options) => await this.#used(current, ears.listen(audio, options)),
      }
    } catch (thrown) {
      if (this.#open.get(name) === current) this.#open.delete(name)
      throw thrown
    }
  }

  async close(): Promise<void> {
    const all = Array.from(this.#open.values())
    this.#open.clear()
    await Promise.all(all.map(async (open) => await closed(open)))
  }

  /** Last used, last to go; whoever asks at the same time gets the same. */
  #current(name: string, dir: string, digest: string): Open {
    const held = this.#open.get(name)
    this.#open.delete(name)
    const isSame = held?.digest === digest
    if (held !== undefined && !isSame) this.#retire(held)
    const current = isSame
      ? held
      : {
          digest,
          recogniser: openNeuralRecogniser({ modelDir: dir, signal: this.#signal }),
          users: 0,
          isRetired: false,
        }
    this.#open.set(name, current)
    const [oldest] = this.#open
    if (this.#open.size > MAX_OPEN && oldest !== undefined) {
      this.#open.delete(oldest[0])
      this.#retire(oldest[1])
    }
    return current
  }

  async #used<T>(open: Open, work: Promise<T>): Promise<T> {
    open.users += 1
    try {
      return await work
    } finally {
      open.users -= 1
      if (open.isRetired && open.users === 0) await closed(open)
    }
  }

  #retire(open: Open): void {
    open.isRetired = true
    if (open.users === 0) void closed(open)
  }
}

/** One that could not be opened has nothing to close, and has been told of. */
async function closed({ recogniser }: Open): Promise<void> {
  const held = await recogniser.catch(() => null)
  await held?.close()
}
