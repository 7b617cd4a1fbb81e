/** The imported models that run: opened when they are first asked for, a few at a time, their files checked each time. */
import type { Clock } from '../../shared/clock.ts'
import { dictationModel, modelDir } from '../models-import/registry.ts'
import { readCard } from '../neural/model-folder.ts'
import { openNeuralRecogniser, type NeuralRecogniser } from '../neural/neural-recogniser.ts'
import { openDictationEars } from '../turn/dictation-ears.ts'
import type { Ears } from '../turn/ports.ts'

/** Each is a thread with its weights in memory: one that is used, and one to compare it with. */
const MAX_OPEN = 2

interface Open {
  readonly digest: string
  readonly recogniser: Promise<NeuralRecogniser>
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
    const held = this.#open.get(name)
    const current = held?.digest === card.digest ? held : await this.#replace(name, dir, card.digest)
    // Last used, last to go.
    this.#open.delete(name)
    this.#open.set(name, current)
    try {
      return openDictationEars(await current.recogniser, card, this.#clock)
    } catch (thrown) {
      if (this.#open.get(name) === current) this.#open.delete(name)
      throw thrown
    }
  }

  async close(): Promise<void> {
    for (const name of Array.from(this.#open.keys())) await this.#drop(name)
  }

  async #replace(name: string, modelDirectory: string, digest: string): Promise<Open> {
    await this.#drop(name)
    const [oldest] = this.#open.keys()
    if (this.#open.size >= MAX_OPEN && oldest !== undefined) await this.#drop(oldest)
    const recogniser = openNeuralRecogniser({ modelDir: modelDirectory, signal: this.#signal })
    return { digest, recogniser }
  }

  async #drop(name: string): Promise<void> {
    const held = this.#open.get(name)
    this.#open.delete(name)
    // One that could not be opened has nothing to close, and has been told of.
    const recogniser = await held?.recogniser.catch(() => null)
    await recogniser?.close()
  }
}
