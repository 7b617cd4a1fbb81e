/**
 * A map that never changes: setting a key returns a new one that shares nearly everything with the old one (a hash array
 * mapped trie; P. Bagwell, "Ideal Hash Trees", 2001). One device's report then costs a few small arrays, not a copy of the fleet.
 *
 * Its form depends on what is in it alone, never on the order in which it came there. Nothing is ever taken out.
 */
interface Leaf<V> {
  readonly kind: 'leaf'
  readonly hash: number
  readonly key: string
  readonly value: V
}
interface Branch<V> {
  readonly kind: 'branch'
  /** Bit `i` is set where the fragment `i` of the hash has a child; children lie in the order of the bits. */
  readonly bits: number
  readonly children: readonly Node<V>[]
}
/** Keys that share all 32 bits of their hash, in the order of the keys. */
interface Clash<V> {
  readonly kind: 'clash'
  readonly hash: number
  readonly leaves: readonly Leaf<V>[]
}
type Node<V> = Leaf<V> | Branch<V> | Clash<V>

const FRAGMENT_BITS = 5
const HASH_BITS = 32

export class Table<V> {
  readonly size: number
  readonly #root: Node<V> | null

  private constructor(root: Node<V> | null, size: number) {
    this.#root = root
    this.size = size
  }

  static empty<V>(): Table<V> {
    return new Table<V>(null, 0)
  }

  get(key: string): V | undefined {
    const hash = hashOf(key)
    let node = this.#root
    for (let shift = 0; node !== null; shift += FRAGMENT_BITS) {
      if (node.kind === 'leaf') return node.key === key ? node.value : undefined
      if (node.kind === 'clash') return node.leaves.find((leaf) => leaf.key === key)?.value
      node = childOf(node, fragmentOf(hash, shift))
    }
    return undefined
  }

  with(key: string, value: V): Table<V> {
    const leaf: Leaf<V> = { kind: 'leaf', hash: hashOf(key), key, value }
    if (this.#root === null) return new Table<V>(leaf, 1)
    const grown = { by: 0 }
    const root = placed(this.#root, { leaf, grown }, 0)
    return new Table<V>(root, this.size + grown.by)
  }

  /** In the order of the keys' hashes, which is the same for the same keys. */
  *values(): Generator<V, void, undefined> {
    const waiting: Node<V>[] = this.#root === null ? [] : [this.#root]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.kind === 'leaf') yield node.value
      else if (node.kind === 'clash') for (const leaf of node.leaves) yield leaf.value
      else for (let at = node.children.length - 1; at >= 0; at -= 1) push(waiting, node.children[at])
    }
  }
}

function push<V>(waiting: Node<V>[], node: Node<V> | undefined): void {
  if (node !== undefined) waiting.push(node)
}

function childOf<V>({ bits, children }: Branch<V>, fragment: number): Node<V> | null {
  const bit = 1 << fragment
  return (bits & bit) === 0 ? null : (children[ones(bits & (bit - 1))] ?? null)
}

interface Arrival<V> {
  readonly leaf: Leaf<V>
  readonly grown: { by: number }
}

function placed<V>(node: Node<V>, arrival: Arrival<V>, shift: number): Node<V> {
  const { leaf, grown } = arrival
  if (node.kind === 'branch') {
    const bit = 1 << fragmentOf(leaf.hash, shift)
    const at = ones(node.bits & (bit - 1))
    const child = (node.bits & bit) === 0 ? undefined : node.children[at]
    const children = node.children.slice()
    if (child === undefined) {
      children.splice(at, 0, leaf)
      grown.by = 1
    } else children[at] = placed(child, arrival, shift + FRAGMENT_BITS)
    return { kind: 'branch', bits: node.bits | bit, children }
  }
  if (node.kind === 'leaf' && node.key === leaf.key) return leaf
  if (node.hash === leaf.hash) {
    const here = node.kind === 'leaf' ? [node] : node.leaves
    const others = here.filter(({ key }) => key !== leaf.key)
    if (others.length === here.length) grown.by = 1
    const leaves = [...others, leaf].toSorted((a, b) => (a.key < b.key ? -1 : 1))
    return { kind: 'clash', hash: leaf.hash, leaves }
  }
  // Two hashes meet here: a branch that holds the one which was there takes in the other, as deep as they agree.
  const bits = 1 << fragmentOf(node.hash, shift)
  return placed<V>({ kind: 'branch', bits, children: [node] }, arrival, shift)
}

function fragmentOf(hash: number, shift: number): number {
  return shift < HASH_BITS ? (hash >>> shift) & 31 : 0
}

function ones(bits: number): number {
  let count = bits - ((bits >>> 1) & 0x55555555)
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333)
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** FNV-1a with the finaliser of MurmurHash3, so that names which differ in their last digit lie apart. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
