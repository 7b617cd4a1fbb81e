/**
 * A map that never changes: setting a key returns a new one. The newest version writes into one store in place, and an older
 * one knows only what was changed after it (H. Baker, "Shallow binding makes functional arrays fast", 1991). One device's
 * report then costs two small objects, where a tree that shares its parts costs a path of copies, kept until the next report.
 *
 * Whoever goes on with an older version pays for it: what came after is undone, or the store copied where that costs less.
 * Nothing is ever taken out, and undefined is no value.
 */
interface Store<V> {
  readonly kind: 'store'
  readonly places: Map<string, number>
  readonly values: V[]
  /** What was looked up last, mostly to be looked up again at once, and its place if it has one. */
  lastKey: string
  lastPlace: number | undefined
}

/** What a version holds otherwise than `after`, the one that was made of it. */
interface Change<V> {
  readonly kind: 'change'
  readonly key: string
  /** Undefined where `after` added the key. */
  readonly value: V | undefined
  readonly after: Table<V>
}

/** Through so many changes an older version looks for an answer; one that is further back is given a store of its own. */
const LOOK_BACK = 64

export class Table<V> {
  readonly size: number
  /** The newest version has the store, an older one the change that leads to it. */
  #holds: Store<V> | Change<V>

  private constructor(store: Store<V>, size: number) {
    this.#holds = store
    this.size = size
  }

  static empty<V>(): Table<V> {
    return new Table<V>(storeOf<V>(new Map(), []), 0)
  }

  get(key: string): V | undefined {
    let holds = this.#holds
    for (let back = 0; holds.kind === 'change'; back += 1) {
      if (holds.key === key) return holds.value
      holds = back < LOOK_BACK ? holds.after.#holds : this.#apart()
    }
    return read(holds, key)
  }

  with(key: string, value: V): Table<V> {
    const store = this.#holds.kind === 'store' ? this.#holds : this.#again()
    const { values } = store
    const place = placeOf(store, key)
    const after = new Table<V>(store, place === undefined ? this.size + 1 : this.size)
    this.#holds = { kind: 'change', key, value: place === undefined ? undefined : values[place], after }
    if (place === undefined) add(store, key, value)
    else values[place] = value
    return after
  }

  /** As of now, in an order that the keys alone do not decide: whoever needs one sorts. */
  values(): IterableIterator<V> {
    const { values } = this.#holds.kind === 'store' ? this.#holds : this.#apart()
    return values.slice().values()
  }

  /** The store, with this version in it as the newest. */
  #again(): Store<V> {
    const older: { readonly table: Table<V>; readonly change: Change<V> }[] = []
    let [table, holds]: [Table<V>, Store<V> | Change<V>] = [this, this.#holds]
    for (; holds.kind === 'change'; [table, holds] = [holds.after, holds.after.#holds])
      older.push({ table, change: holds })
    if (older.length > this.size) return this.#apart()
    for (const { table: one, change } of older.reverse()) {
      const { key, value, after } = change
      // From now on the newer one is as if made of the older one, by the change back.
      after.#holds = { kind: 'change', key, value: read(holds, key), after: one }
      restore(holds, key, value)
      one.#holds = holds
    }
    return holds
  }

  #apart(): Store<V> {
    const since: Change<V>[] = []
    let holds = this.#holds
    for (; holds.kind === 'change'; holds = holds.after.#holds) since.push(holds)
    const own = storeOf<V>(new Map(holds.places), [...holds.values])
    for (const { key, value } of since.reverse()) restore(own, key, value)
    this.#holds = own
    return own
  }
}

function storeOf<V>(places: Map<string, number>, values: V[]): Store<V> {
  return { kind: 'store', places, values, lastKey: '', lastPlace: places.get('') }
}

function placeOf<V>(store: Store<V>, key: string): number | undefined {
  if (store.lastKey === key) return store.lastPlace
  const place = store.places.get(key)
  store.lastKey = key
  store.lastPlace = place
  return place
}

function read<V>(store: Store<V>, key: string): V | undefined {
  const place = placeOf(store, key)
  return place === undefined ? undefined : store.values[place]
}

function add<V>(store: Store<V>, key: string, value: V): void {
  const place = store.values.push(value) - 1
  store.places.set(key, place)
  store.lastKey = key
  store.lastPlace = place
}

/** Undoes the last change: the key that it added, if it did, is the last one; one that it took back is added again. */
function restore<V>(store: Store<V>, key: string, value: V | undefined): void {
  const place = placeOf(store, key)
  if (value === undefined) {
    store.lastPlace = undefined
    store.places.delete(key)
    store.values.pop()
  } else if (place === undefined) add(store, key, value)
  else store.values[place] = value
}
