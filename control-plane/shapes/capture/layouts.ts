/**
 * By which columns captured rows were written, while tables change: the trigger keeps every layout that it wrote by. A shape ends only
 * with what it uses.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Queryable } from '../../../shared/sql/port.ts'
import type { Registry, Shape } from '../registry.ts'
import { relationsByOid, type Column, type Relation } from '../relation.ts'

/** Names and kinds of the columns, in the order of a row's fields. */
interface Layout {
  readonly names: readonly string[]
  readonly kinds: readonly string[]
}

export interface LayoutFound {
  readonly names: readonly string[]
  /** Shapes to which rows of this layout cannot be told. */
  readonly unfit: ReadonlySet<Shape>
}

const NOBODY: ReadonlySet<Shape> = new Set()

export class Layouts {
  readonly #registry: Registry
  readonly #known = new Map<string, Layout>()
  /** Tables as all their shapes know them. */
  readonly #current = new Map<number, Relation>()
  /** Found over, and not ended yet: a step that is rolled back must find them again. */
  readonly #over = new Set<Shape>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Shapes that cannot go on with their tables as they are now. */
  get over(): ReadonlySet<Shape> {
    for (const shape of this.#over) if (shape.isOver) this.#over.delete(shape)
    return this.#over
  }

  know({ oid, layout, columns }: Relation): void {
    this.#known.set(slotOf(oid, layout), {
      names: columns.map(({ name }) => name),
      kinds: columns.map(({ kind }) => kind),
    })
  }

  async find(db: Queryable, oid: number, layout: string): Promise<LayoutFound> {
    let known = this.#known.get(slotOf(oid, layout))
    if (known === undefined) {
      // The table has changed: what it is now decides who goes on, what it was then what the row says.
      const [relation] = await relationsByOid(db, [oid])
      if (relation !== undefined) this.adopt(relation)
      known = await readLayout(db, oid, layout)
      this.#known.set(slotOf(oid, layout), known)
    }
    // The layout of now fits all but those that are over already: nobody need be asked, however many they are.
    if (this.#current.get(oid)?.layout === layout) return { names: known.names, unfit: NOBODY }
    const shapes = [...this.#registry.ofTable(oid)]
    return { names: known.names, unfit: new Set(shapes.filter((shape) => !fits(shape, known))) }
  }

  /** Takes a table as it is now. */
  adopt(relation: Relation): void {
    this.know(relation)
    const current = this.#current.get(relation.oid)
    if (current !== undefined && isDeepStrictEqual(current, relation)) return
    this.#current.set(relation.oid, relation)
    for (const shape of this.#registry.ofTable(relation.oid)) {
      if (!stillHolds(shape, relation)) this.#over.add(shape)
      else if (shape.resolved.relation !== relation) shape.resolved = { ...shape.resolved, relation }
    }
  }

  /** Tables that nobody follows any more need not be remembered. */
  forgetAllBut(oids: ReadonlySet<number>): void {
    for (const oid of this.#current.keys()) if (!oids.has(oid)) this.#current.delete(oid)
    for (const slot of this.#known.keys()) if (!oids.has(Number(slot.split(' ')[0]))) this.#known.delete(slot)
  }
}

function slotOf(oid: number, layout: string): string {
  return `${oid} ${layout}`
}

/** One without columns fits no shape. */
async function readLayout(db: Queryable, oid: number, layout: string): Promise<Layout> {
  const [row] = await db.query<{ readonly names: string[]; readonly kinds: string[] }>(
    'select names, kinds from starling_shapes.layout where rel = $1::int8::oid and layout = $2::text limit 1',
    [oid, layout],
  )
  return row ?? { names: [], kinds: [] }
}

function usedColumns({ resolved }: Shape): readonly Column[] {
  const used = new Set([...resolved.columns, ...(resolved.filter?.columns ?? [])])
  return resolved.relation.columns.filter(({ name }) => used.has(name))
}

function fits(shape: Shape, { names, kinds }: Layout): boolean {
  const { definition, relation } = shape.resolved
  if (definition.columns === null && names.length !== relation.columns.length) return false
  return usedColumns(shape).every(({ name, kind }) => {
    const index = names.indexOf(name)
    return index !== -1 && kinds[index] === kind
  })
}

/** A shape needs its table's name and key, its own columns and its clause's; with all columns, any of them. */
export function stillHolds(shape: Shape, relation: Relation): boolean {
  const { resolved } = shape
  const old = resolved.relation
  if (old.schema !== relation.schema || old.table !== relation.table || old.oid !== relation.oid) return false
  if (old.key.length !== relation.key.length || old.key.some((name, index) => relation.key[index] !== name))
    return false
  const now = new Map(relation.columns.map((column) => [column.name, column]))
  if (resolved.definition.columns === null && now.size !== old.columns.length) return false
  return usedColumns(shape).every((column) => {
    const found = now.get(column.name)
    if (found === undefined || found.kind !== column.kind || found.sqlType !== column.sqlType) return false
    // ALTER … TYPE … USING writes new values, of which no trigger hears.
    return found.version === column.version || old.file === relation.file
  })
}
