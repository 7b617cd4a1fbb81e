/** By which columns a captured row was written, while tables change: the layouts that are known, and the shapes that a new one ends. */
import type { Queryable } from '../../../shared/sql/port.ts'
import type { Registry, Shape } from '../registry.ts'
import { isSameColumn, relationsByOid, type Relation } from '../relation.ts'

export interface LayoutFound {
  /** In the order of the row's fields; null where nobody can say any more. */
  readonly names: readonly string[] | null
  /** Shapes that ask for what is no longer as it was; all of the table where the layout is unknown. */
  readonly invalid: readonly Shape[]
}

export class Layouts {
  readonly #registry: Registry
  readonly #names = new Map<string, readonly string[]>()
  /** Found invalid, and not ended yet: a step that is rolled back must find them again. */
  readonly #invalid = new Set<Shape>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  know(relation: Relation): void {
    this.#names.set(
      slotOf(relation.oid, relation.layout),
      relation.columns.map(({ name }) => name),
    )
  }

  async columnsOf(db: Queryable, oid: number, layout: string): Promise<LayoutFound> {
    const known = this.#names.get(slotOf(oid, layout))
    if (known !== undefined) return { names: known, invalid: this.#invalidOf(oid) }
    const [relation] = await relationsByOid(db, [oid])
    // Dropped, or changed again since: what the row's fields mean is lost.
    if (relation === undefined || relation.layout !== layout)
      return { names: null, invalid: [...this.#registry.ofTable(oid)] }
    this.adopt(relation)
    return { names: relation.columns.map(({ name }) => name), invalid: this.#invalidOf(oid) }
  }

  /** Takes a table as it is now; gives the shapes that cannot go on with it. */
  adopt(relation: Relation): readonly Shape[] {
    this.know(relation)
    for (const shape of this.#registry.ofTable(relation.oid)) {
      if (!stillHolds(shape, relation)) this.#invalid.add(shape)
      else if (shape.resolved.relation !== relation) shape.resolved = { ...shape.resolved, relation }
    }
    return this.#invalidOf(relation.oid)
  }

  #invalidOf(oid: number): readonly Shape[] {
    for (const shape of this.#invalid) if (shape.isOver) this.#invalid.delete(shape)
    return [...this.#invalid].filter((shape) => shape.resolved.relation.oid === oid)
  }

  /** Tables that nobody follows any more need not be remembered. */
  forgetAllBut(oids: ReadonlySet<number>): void {
    for (const slot of this.#names.keys()) if (!oids.has(Number(slot.split(' ')[0]))) this.#names.delete(slot)
  }
}

function slotOf(oid: number, layout: string): string {
  return `${oid} ${layout}`
}

/** A shape ends only with what it uses: its columns, its clause's, the key, the table's name; with all columns, any of them. */
export function stillHolds(shape: Shape, relation: Relation): boolean {
  const { resolved } = shape
  const old = resolved.relation
  if (old.schema !== relation.schema || old.table !== relation.table) return false
  if (old.key.length !== relation.key.length || old.key.some((name, index) => relation.key[index] !== name))
    return false
  const now = new Map(relation.columns.map((column) => [column.name, column]))
  if (resolved.definition.columns === null && now.size !== old.columns.length) return false
  const used = new Set([...resolved.columns, ...(resolved.filter?.columns ?? [])])
  return old.columns.every((column) => {
    const found = now.get(column.name)
    return !used.has(column.name) || (found !== undefined && isSameColumn(found, column))
  })
}
