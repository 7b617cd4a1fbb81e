/**
 * Runs the tests of one mutant in a process of its own: `node run-mutant.mjs '{"file","from","to","tests"}'`. The mutant
 * exists only in what vitest loads. Prints {"passed", "failed", "fitted"}.
 */
import { fileURLToPath } from 'node:url'
import { startVitest } from 'vitest/node'

const mutant = JSON.parse(process.argv[2] ?? '')
let fitted = 0
const plugin = {
  name: 'mutant',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith(`/${mutant.file}`)) return null
    const parts = code.split(mutant.from)
    fitted = parts.length - 1
    return { code: parts.join(mutant.to), map: null }
  },
}
const root = fileURLToPath(new URL('../..', import.meta.url))
const vitest = await startVitest(
  'test',
  [],
  {
    root,
    config: false,
    watch: false,
    include: [mutant.tests],
    bail: 1,
    // Long enough for a busy machine: a test that is merely slow must not count as one that noticed.
    testTimeout: 10_000,
    maxWorkers: 1,
    reporters: [{}],
  },
  { root, plugins: [plugin] },
)
const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()])
const count = (state) => tests.filter((test) => test.result().state === state).length
process.stdout.write(JSON.stringify({ passed: count('passed'), failed: count('failed'), fitted }))
await vitest.close()
process.exit(0)
