/**
 * Compiles one grammar in a thread of its own and ends: the recogniser goes on hearing meanwhile, and the memory that
 * compiling takes, several times the result, is given back to the machine with the thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import { compileGrammar } from './grammar-compiler.ts'
import { Lexicon } from './lexicon.ts'
import type { FromGrammarWorker, GrammarWork } from './messages.ts'
import { readModel } from './model-files.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('grammar.worker runs as a worker thread')

try {
  const { modelDir, grammar } = workerData as GrammarWork
  const files = readModel(modelDir)
  const { net } = compileGrammar(grammar, files.phones, new Lexicon(files.lexicon, files.phones.phones))
  const arrays = Object.values(net).filter((value) => ArrayBuffer.isView(value))
  const buffers = arrays.map(({ buffer }) => buffer as ArrayBuffer)
  port.postMessage({ kind: 'compiled', net } satisfies FromGrammarWorker, buffers)
} catch (thrown) {
  port.postMessage({ kind: 'refused', error: reportError(thrown) } satisfies FromGrammarWorker)
}
