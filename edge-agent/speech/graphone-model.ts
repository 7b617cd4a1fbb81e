/**
 * How likely a pairing of letters and phones ("graphone") is after those before it: an n-gram model with back-off, read from a
 * packed file into a trie of typed arrays. Graphones and the scheme: Bisani and Ney, "Joint-sequence models for
 * grapheme-to-phoneme conversion", Speech Communication 50 (2008). Figures are natural logs in sixteenths.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import * as v from 'valibot'
import { ModelRefused } from './errors.ts'

const FORMAT = 'starling-graphones-1'
const STEPS_A_NAT = 16
/** Back-off weights may be a little above 1: they are kept with an offset. */
const BACK_OFFSET = 32
/** Graphone 0 begins a word and ends it. */
export const BOUNDARY = 0
/** Nothing is known of what came before. */
const ROOT = 0
const MAX_FILE_BYTES = 32 * 1024 * 1024

const HeaderSchema = v.object({
  format: v.literal(FORMAT),
  /** Letters and phones of each, the boundary first. */
  graphones: v.array(v.tuple([v.string(), v.string()])),
  /** Nodes of the trie that stand for 1, 2, ... graphones. */
  levels: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Words with how they must come out on every machine. */
  golden: v.array(v.tuple([v.string(), v.array(v.string())])),
})

export type GraphoneHeader = Omit<v.InferOutput<typeof HeaderSchema>, 'format'>

/** Level by level; the children of a node lie together, in order of their graphones. */
export interface GraphoneTrie {
  /** Without the root, which is first in the other two. */
  readonly graphone: readonly number[]
  readonly log: readonly number[]
  readonly back: readonly number[]
  readonly children: readonly number[]
}

export interface Step {
  /** The node that stands for as much as is known of what came before the next. */
  readonly state: number
  readonly log: number
}

export class GraphoneModel {
  readonly header: GraphoneHeader
  /** Of what a word begins with. */
  readonly start: number
  readonly #graphone: Uint16Array
  readonly #log: Uint8Array
  readonly #back: Uint8Array
  /** Children of node n: [first[n], first[n+1]). */
  readonly #first: Uint32Array
  /** Node -> that of the same graphones without the oldest, as far as it is there. */
  readonly #shorter: Uint32Array

  /** Throws {@link ModelRefused} when the file is not such a model. */
  constructor(packed: Uint8Array) {
    const bytes = unpacked(packed)
    const headerEnd = bytes.indexOf(10)
    const { format: _, ...header } = headerOf(bytes.subarray(0, headerEnd))
    this.header = header
    const nodes = 1 + header.levels.reduce((sum, count) => sum + count, 0)
    let at = headerEnd + 1
    const take = (size: number): Uint8Array => {
      if (at + size > bytes.length) throw refused('it ends early')
      at += size
      return bytes.slice(at - size, at)
    }
    const [low, high] = [take(nodes), take(nodes)]
    this.#graphone = Uint16Array.from(low, (byte, node) => byte + 256 * (high[node] as number))
    this.#log = take(nodes)
    this.#back = take(nodes)
    const [few, many] = [take(nodes), take(nodes)]
    this.#first = new Uint32Array(nodes + 1)
    this.#first[0] = 1
    for (let node = 0; node < nodes; node += 1)
      this.#first[node + 1] =
        (this.#first[node] as number) + (few[node] as number) + 256 * (many[node] as number)
    if (this.#first[nodes] !== nodes) throw refused('its nodes do not add up')
    this.#shorter = this.#suffixes(nodes)
    this.start = Math.max(ROOT, this.#child(ROOT, BOUNDARY))
  }

  /** One graphone more, its log probability by as long a history as the model has. */
  step(from: number, graphone: number): Step {
    let backed = 0
    for (let state = from; ; state = this.#shorter[state] as number) {
      const child = this.#child(state, graphone)
      if (child >= 0) {
        const log = backed - (this.#log[child] as number) / STEPS_A_NAT
        return {
          state: this.#first[child] === this.#first[child + 1] ? (this.#shorter[child] as number) : child,
          log,
        }
      }
      if (state === ROOT) throw refused(`graphone ${graphone} is in no word`)
      backed += (BACK_OFFSET - (this.#back[state] as number)) / STEPS_A_NAT
    }
  }

  #child(node: number, graphone: number): number {
    let low = this.#first[node] as number
    const end = this.#first[node + 1] as number
    let high = end
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#graphone[middle] as number) < graphone) low = middle + 1
      else high = middle
    }
    return low < end && this.#graphone[low] === graphone ? low : -1
  }

  #suffixes(nodes: number): Uint32Array {
    const shorter = new Uint32Array(nodes)
    for (let node = 1; node < nodes; node += 1)
      for (let child = this.#first[node] as number; child < (this.#first[node + 1] as number); child += 1) {
        let suffix = shorter[node] as number
        let found = this.#child(suffix, this.#graphone[child] as number)
        while (found < 0 && suffix !== ROOT) {
          suffix = shorter[suffix] as number
          found = this.#child(suffix, this.#graphone[child] as number)
        }
        shorter[child] = Math.max(ROOT, found)
      }
    return shorter
  }
}

/** The packed file of a trie. Each column by itself: that packs best. */
export function packGraphones(header: GraphoneHeader, trie: GraphoneTrie): Uint8Array {
  const byte = (value: number): number => Math.max(0, Math.min(255, value))
  const graphones = [0, ...trie.graphone]
  const columns = [
    graphones.map((id) => id % 256),
    graphones.map((id) => Math.floor(id / 256)),
    trie.log.map((log) => byte(Math.round(-log * STEPS_A_NAT))),
    trie.back.map((log) => byte(BACK_OFFSET - Math.round(log * STEPS_A_NAT))),
    trie.children.map((count) => count % 256),
    trie.children.map((count) => Math.floor(count / 256)),
  ]
  const bytes = Buffer.concat([
    Buffer.from(`${JSON.stringify({ format: FORMAT, ...header })}\n`),
    ...columns.map((column) => Uint8Array.from(column)),
  ])
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } })
}

function headerOf(bytes: Uint8Array): v.InferOutput<typeof HeaderSchema> {
  try {
    return v.parse(HeaderSchema, JSON.parse(new TextDecoder().decode(bytes)))
  } catch (cause) {
    throw refused('it does not begin as one', cause)
  }
}

function unpacked(packed: Uint8Array): Uint8Array {
  try {
    return brotliDecompressSync(packed, { maxOutputLength: MAX_FILE_BYTES })
  } catch (cause) {
    throw refused('it cannot be unpacked', cause)
  }
}

export function refused(why: string, cause?: unknown): ModelRefused {
  return new ModelRefused(`the letter-to-sound model is damaged: ${why}`, {
    remedy: 'Install the speech model again.',
    ...(cause === undefined ? {} : { cause }),
  })
}
