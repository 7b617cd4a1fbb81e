/**
 * Moves captured changes into the logs of the shapes that they concern. A step is one transaction: log entries, progress and the
 * removal of what was told; memory follows after its commit, so that a step that fails is simply done again.
 */
import { randomUUID } from 'node:crypto'
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import { ShapesTakenOver } from '../errors.ts'
import type { LogOffset } from '../protocol/offset.ts'
import { wake, type Registry, type Shape } from '../registry.ts'
import { relationsByOid } from '../relation.ts'
import { deleteShapes, markLast, writeEntries } from '../store/shape-store.ts'
import { readBatch, removeBatch, type TransactionPart, type UnderWay } from './batch.ts'
import { Layouts } from './layouts.ts'
import { Serial } from './serial.ts'
import { ClauseFailed, tell, type Tidings } from './tell.ts'

export class Capture {
  readonly #db: Database
  readonly #registry: Registry
  readonly #chunkBytes: number
  readonly #serial = new Serial()
  readonly #owner = randomUUID()
  readonly layouts: Layouts
  #published = 0
  #underWay: UnderWay | null = null
  /** Ends of logs within a transaction that is told in parts: nobody reads so far before it is whole. */
  readonly #unpublishedEnds = new Map<Shape, LogOffset>()
  #waitingRun: Promise<void> | null = null

  constructor(db: Database, registry: Registry, chunkBytes: number) {
    this.#db = db
    this.#registry = registry
    this.#chunkBytes = chunkBytes
    this.layouts = new Layouts(registry)
  }

  /** The number of the last transaction that all logs have. */
  get published(): number {
    return this.#published
  }

  /** Takes the database over and reads where it stood; before anything else. */
  async open(): Promise<void> {
    const [row] = await this.#db.query<{
      readonly published: number
      readonly under_way_xid: string | null
      readonly under_way_position: number | null
    }>(
      'update starling_shapes.progress set owner = $1::text returning published, under_way_xid, under_way_position',
      [this.#owner],
    )
    this.#published = row?.published ?? 0
    if (row !== undefined && row.under_way_xid !== null)
      this.#underWay = { xid: row.under_way_xid, position: row.under_way_position ?? 0 }
  }

  /** Everything that had committed when this was called is in the logs when it resolves. Throws {@link ShapesTakenOver}. */
  catchUp(): Promise<void> {
    // Calls that come while one waits for its turn are answered by that one.
    this.#waitingRun ??= this.#serial.run(async () => {
      this.#waitingRun = null
      while (await this.#step());
    })
    return this.#waitingRun
  }

  /** Does something while no step is under way. */
  between<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial.run(work)
  }

  /** Ends shapes: their handles are forgotten, those who wait on them are told. */
  async end(shapes: readonly Shape[]): Promise<void> {
    if (shapes.length === 0) return
    await this.#refuseReplaced()
    // First for good: one that came back after a restart would lack what nobody told it meanwhile.
    await deleteShapes(
      this.#db,
      shapes.map(({ handle }) => handle),
    )
    for (const shape of shapes) this.#finish(shape)
  }

  /** Compares the followed tables with the catalogue: a table that was dropped, renamed or changed sends no word of itself. */
  async reconcile(): Promise<void> {
    await this.between(async () => {
      const oids = this.#registry.tables()
      const found = new Map(
        (await relationsByOid(this.#db, oids)).map((relation) => [relation.oid, relation]),
      )
      for (const relation of found.values()) this.layouts.adopt(relation)
      const gone = oids.filter((oid) => !found.has(oid)).flatMap((oid) => [...this.#registry.ofTable(oid)])
      this.layouts.forgetAllBut(new Set(oids))
      await this.end([...gone, ...this.layouts.over])
    })
  }

  async #step(): Promise<boolean> {
    if (!(await this.#hasNews())) return false
    try {
      const done = await this.#db.transaction(async (tx) => {
        const parts = await readBatch(tx, this.#underWay)
        if (parts.length === 0) return null
        const given = { db: tx, registry: this.#registry, layouts: this.layouts }
        const tidings = await tell(parts, {
          ...given,
          published: this.#published,
          chunkBytes: this.#chunkBytes,
        })
        return { tidings, underWay: await this.#write(tx, parts, tidings) }
      })
      if (done === null) return false
      this.#apply(done.tidings, done.underWay)
    } catch (error) {
      if (!(error instanceof ClauseFailed)) throw error
      await this.end([error.shape])
    }
    return true
  }

  async #hasNews(): Promise<boolean> {
    return (await this.#refuseReplaced()) || this.#underWay !== null
  }

  /** Whether changes wait. Throws {@link ShapesTakenOver}: what lies in the database is another's to change now. */
  async #refuseReplaced(): Promise<boolean> {
    const [row] = await this.#db.query<{ readonly owner: string | null; readonly any: boolean }>(
      'select owner, exists (select from starling_shapes.change) as any from starling_shapes.progress',
    )
    if (row?.owner !== this.#owner) throw new ShapesTakenOver()
    return row.any
  }

  async #write(tx: Queryable, parts: readonly TransactionPart[], tidings: Tidings): Promise<UnderWay | null> {
    await writeEntries(tx, tidings.entries)
    await deleteShapes(
      tx,
      [...tidings.over].map(({ handle }) => handle),
    )
    await removeBatch(tx, parts)
    const last = parts.at(-1)
    const underWay =
      last === undefined || last.isComplete
        ? null
        : { xid: String(last.xid), position: last.firstPosition + last.rows.length }
    if (this.#underWay !== null && underWay === null) await markLast(tx, tidings.published)
    const [mine] = await tx.query(
      `update starling_shapes.progress set published = $1::int8, under_way_xid = $2::text, under_way_position = $3::int8
       where owner = $4::text returning published`,
      [tidings.published, underWay?.xid ?? null, underWay?.position ?? null, this.#owner],
    )
    if (mine === undefined) throw new ShapesTakenOver()
    return underWay
  }

  #apply(tidings: Tidings, underWay: UnderWay | null): void {
    this.#underWay = underWay
    for (const { shape, tx, position, body } of tidings.entries) {
      this.#unpublishedEnds.set(shape, { tx, position })
      shape.logBytes += body.length
    }
    for (const [shape, bytes] of tidings.openBytes) shape.openChunkBytes = bytes
    for (const shape of tidings.over) this.#finish(shape)
    this.#published = tidings.published
    if (underWay === null) this.#publishEnds()
  }

  #publishEnds(): void {
    for (const [shape, end] of this.#unpublishedEnds) {
      shape.lastOffset = end
      wake(shape)
    }
    this.#unpublishedEnds.clear()
  }

  /** At the start: where a log's end lies within a transaction that was told in part. */
  resume(shape: Shape, end: LogOffset): void {
    this.#unpublishedEnds.set(shape, end)
  }

  #finish(shape: Shape): void {
    shape.isOver = true
    this.#registry.remove(shape)
    wake(shape)
  }
}
