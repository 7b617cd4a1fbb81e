/** The network that is searched, in typed arrays alone: it is made in one thread and searched in others. */

export interface SearchNetwork {
  readonly unitCount: number
  /** Three senones a unit. */
  readonly senones: Uint16Array
  readonly phone: Uint8Array
  /** Index into `words`, -1 inside a word, -2 for a pause. */
  readonly word: Int32Array
  readonly exitWeight: Float32Array
  /** Units that follow inside the word: targets[first[u] .. first[u+1]]. */
  readonly nextFirst: Int32Array
  readonly nextUnits: Int32Array
  /** Junctions that a unit's exit enters. */
  readonly exitFirst: Int32Array
  readonly exitJunctions: Int32Array
  readonly junctionCount: number
  /** The sentence state that each junction belongs to. */
  readonly stateOf: Int32Array
  readonly stateCount: number
  readonly startState: number
  /** Units that start at a junction. */
  readonly entryFirst: Int32Array
  readonly entryUnits: Int32Array
  readonly isFinal: Uint8Array
  readonly startJunctions: Int32Array
  /** Added when a unit is entered: the look-ahead of the word tree, 0 elsewhere. */
  readonly enterWeight: Float32Array
  /** Units from here on are the word tree's, and so are the tables below (see `word-tree.ts`). */
  readonly treeFirst: number
  readonly ahead: Float32Array
  readonly endFirst: Int32Array
  readonly ends: Int32Array
  readonly endWord: Int32Array
  readonly endTail: Int32Array
  readonly rightFirst: Int32Array
  readonly rightPhones: Int32Array
  readonly tailFirst: Int32Array
  readonly tailUnits: Int32Array
  /** Units of the tree that a word may begin with, by the phone before b and its first phone p: list b * phoneCount + p. */
  readonly headFirst: Int32Array
  readonly headUnits: Int32Array
  /** Open arcs of each state: where they lead, at what weight, and the junction of each pair of phones there (or -1). */
  readonly openFirst: Int32Array
  readonly openTo: Int32Array
  readonly openWeight: Float32Array
  readonly openJunctions: Int32Array
  readonly phoneCount: number
  /** Words one after another, UTF-8. */
  readonly wordBytes: Uint8Array
  readonly wordFirst: Int32Array
  readonly wordOpen: Uint8Array
  /** Of each word: its number in the language model, -1 for none. */
  readonly wordLanguage: Int32Array
  /** Of each word: the frames that it usually lasts. */
  readonly wordFrames: Float32Array
  /** Of them, those of sonorants. */
  readonly wordSonorant: Float32Array
  /** Open words are part of what sentences mean, and not only said around them. */
  readonly hasSlots: boolean
}

export const INSIDE = -1
export const PAUSE = -2
/** Inside the word tree. */
export const TREE = -3

const decoder = new TextDecoder()

export interface NetworkWord {
  readonly text: string
  readonly open: boolean
  /** Frames that it usually lasts. */
  readonly usual: number
  /** The share of them that a voice rings through, 0 to 1. */
  readonly sonorant: number
}

/** A word of the network, undefined for a pause. */
export function wordAt(net: SearchNetwork, index: number): NetworkWord | undefined {
  if (index < 0 || index >= net.wordOpen.length) return undefined
  const bytes = net.wordBytes.slice(net.wordFirst[index], net.wordFirst[index + 1])
  const usual = net.wordFrames[index] as number
  return {
    text: decoder.decode(bytes),
    open: net.wordOpen[index] === 1,
    usual,
    sonorant: usual === 0 ? 0 : (net.wordSonorant[index] as number) / usual,
  }
}
