/** The parts of a target as they are found, in its order; copies that go on where the one before ended become one. */
import type { Part } from './part.ts'
import type { LiteralKind } from './literal-model.ts'

export class PartList {
  readonly #parts: Part[] = []
  #baseEnd = 0

  get parts(): readonly Part[] {
    return this.#parts
  }

  /** Where in the base the last part ended that named a place there: most parts go on from it. */
  get baseEnd(): number {
    return this.#baseEnd
  }

  copy(from: number, lengthBytes: number): void {
    if (lengthBytes === 0) return
    const last = this.#parts.at(-1)
    if (last?.kind === 'copy' && last.from + last.lengthBytes === from)
      this.#parts[this.#parts.length - 1] = { ...last, lengthBytes: last.lengthBytes + lengthBytes }
    else this.#parts.push({ kind: 'copy', from, lengthBytes })
    this.#baseEnd = from + lengthBytes
  }

  literal(bytes: LiteralKind, lengthBytes: number): void {
    if (lengthBytes > 0) this.#parts.push({ kind: 'literal', lengthBytes, bytes })
  }

  add(part: Part): void {
    this.#parts.push(part)
    if ('from' in part && part.kind !== 'ahead') this.#baseEnd = part.from + part.lengthBytes
  }

  /** What comes next is likely what comes there in the base. */
  goOnFrom(baseEnd: number): void {
    this.#baseEnd = baseEnd
  }
}
