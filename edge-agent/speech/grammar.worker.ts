/**
 * Compiles one grammar in a thread of its own and ends: the recogniser goes on hearing meanwhile, and the memory that
 * compiling takes, several times the result, is given back to the machine with the thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import { compileGrammar } from './grammar-compiler.ts'
import { Languages } from './languages.ts'
import { Lexicon } from './lexicon.ts'
import type { FromGrammarWorker, GrammarWork } from './messages.ts'
import { readModel } from './model-files.ts'
import type { SearchNetwork } from './search-network.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('grammar.worker runs as a worker thread')

try {
  const { modelDir, grammar } = workerData as GrammarWork
  const files = readModel(modelDir)
  const net = compileGrammar(grammar, {
    model: files.phones,
    lexicon: new Lexicon(files, files.phones.phones),
    language: new Languages(files.language).of(grammar),
  })
  port.postMessage({ kind: 'compiled', net: shared(net) } satisfies FromGrammarWorker)
} catch (thrown) {
  port.postMessage({ kind: 'refused', error: reportError(thrown) } satisfies FromGrammarWorker)
}

/**
 * The network with its tables in memory that threads share: a recogniser's thread that is started anew finds them there,
 * and the caller keeps no second copy.
 */
function shared(net: SearchNetwork): SearchNetwork {
  const entries = Object.entries(net).map(([name, value]: [string, unknown]) => [
    name,
    ArrayBuffer.isView(value) ? sharedCopy(value) : value,
  ])
  return Object.fromEntries(entries) as SearchNetwork
}

function sharedCopy(table: ArrayBufferView): unknown {
  const memory = new SharedArrayBuffer(table.byteLength)
  new Uint8Array(memory).set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength))
  return Reflect.construct(table.constructor as new (buffer: SharedArrayBuffer) => unknown, [memory])
}
