/** The typed arrays of a search network: the sentence graph's units and, after them, the word tree's. */
import { TREE } from './search-network.ts'
import { TAIL } from './word-history.ts'
import type { WordTree } from './word-tree.ts'

export function rowsByState(
  opens: readonly { readonly from: number; readonly to: number; readonly weight: number }[],
  stateCount: number,
) {
  // Open arcs were numbered state by state, as their junctions are.
  const openFirst = new Int32Array(stateCount + 1)
  for (const { from } of opens) openFirst[from + 1] = (openFirst[from + 1] ?? 0) + 1
  for (let state = 0; state < stateCount; state++)
    openFirst[state + 1] = (openFirst[state + 1] ?? 0) + (openFirst[state] ?? 0)
  return {
    openFirst,
    openTo: Int32Array.from(opens, ({ to }) => to),
    openWeight: Float32Array.from(opens, ({ weight }) => weight),
  }
}

/** A unit of the tree is a tail when words follow it by their phones alone and none is decided there. */
export function treeKinds(tree: WordTree | null): Int32Array {
  if (tree === null) return new Int32Array(0)
  return Int32Array.from({ length: tree.unitCount }, (_, unit) =>
    tree.rights.first[unit] !== tree.rights.first[unit + 1] &&
    tree.ends.first[unit] === tree.ends.first[unit + 1]
      ? TAIL
      : TREE,
  )
}

/** The first unit of a word brings its look-ahead, each further one the difference to the one before. */
function enterWeights(offset: number, tree: WordTree | null): Float32Array {
  const weights = new Float32Array(offset + (tree?.unitCount ?? 0))
  if (tree === null) return weights
  weights.set(tree.ahead, offset)
  for (let unit = 0; unit < tree.unitCount; unit++)
    for (let n = tree.next.first[unit] ?? 0; n < (tree.next.first[unit + 1] ?? 0); n++) {
      const below = tree.next.values[n] ?? 0
      weights[offset + below] = (tree.ahead[below] ?? 0) - (tree.ahead[unit] ?? 0)
    }
  return weights
}

export function packedWords(words: readonly { readonly text: string; readonly open: boolean }[]) {
  const encoder = new TextEncoder()
  const wordFirst = new Int32Array(words.length + 1)
  const bytes = words.map(({ text }) => encoder.encode(text))
  bytes.forEach((word, at) => (wordFirst[at + 1] = (wordFirst[at] ?? 0) + word.length))
  const wordBytes = new Uint8Array(wordFirst[words.length] ?? 0)
  bytes.forEach((word, at) => wordBytes.set(word, wordFirst[at]))
  return { wordBytes, wordFirst, wordOpen: Uint8Array.from(words, ({ open }) => (open ? 1 : 0)) }
}

export function joined(a: Int32Array, b: Int32Array = new Int32Array(0)): Int32Array {
  const out = new Int32Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

/** Offsets of two tables that stand one after the other. */
export function joinedFirst(a: Int32Array, b: Int32Array = new Int32Array(1)): Int32Array {
  const end = a[a.length - 1] ?? 0
  return joined(
    a.slice(0, -1),
    b.map((at) => at + end),
  )
}

/** The word tree's own tables, with its units and words numbered after the others. */
export function treeTables(
  tree: WordTree | null,
  offset: { readonly units: number; readonly words: number },
) {
  const none = new Int32Array(0)
  const noRows = new Int32Array(1)
  return {
    enterWeight: enterWeights(offset.units, tree),
    treeFirst: offset.units,
    ahead: tree?.ahead ?? new Float32Array(0),
    endFirst: tree?.ends.first ?? noRows,
    ends: tree?.ends.values ?? none,
    endWord: (tree?.endWord ?? none).map((word) => word + offset.words),
    endTail: tree?.endTail ?? none,
    rightFirst: tree?.rights.first ?? noRows,
    rightPhones: tree?.rights.values ?? none,
    tailFirst: tree?.tails.first ?? noRows,
    tailUnits: (tree?.tails.values ?? none).map((unit) => unit + offset.units),
    headFirst: tree?.heads.first ?? noRows,
    headUnits: (tree?.heads.values ?? none).map((unit) => unit + offset.units),
  }
}
