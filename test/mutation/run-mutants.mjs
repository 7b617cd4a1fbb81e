/**
 * Runs the tests of mutants, one after the other: `node run-mutants.mjs '[{"file","from","to","tests"}]'`, in a process of its own. A
 * mutant exists only in what vitest loads. Prints a line a mutant, {"passed", "failed", "fitted"}.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createVitest } from 'vitest/node'

const mutants = JSON.parse(process.argv[2] ?? '')
let mutant = null
let fitted = 0
const plugin = {
  name: 'mutant',
  enforce: 'pre',
  transform(code, id) {
    if (mutant === null || !id.endsWith(`/${mutant.file}`)) return null
    const parts = code.split(mutant.from)
    fitted = parts.length - 1
    return { code: parts.join(mutant.to), map: null }
  },
}
const root = fileURLToPath(new URL('../..', import.meta.url))
const vitest = await createVitest(
  'test',
  {
    root,
    config: false,
    watch: false,
    include: [...new Set(mutants.flatMap(({ tests }) => tests))],
    bail: 1,
    // Long enough for a busy machine: a test that is merely slow must not count as one that noticed.
    testTimeout: 10_000,
    maxWorkers: 1,
    reporters: [{}],
  },
  { root, plugins: [plugin] },
)
const all = await vitest.globTestSpecifications()
for (const next of mutants) {
  // What the mutant before was goes, and what this one is comes.
  if (mutant !== null) vitest.invalidateFile(join(root, mutant.file))
  mutant = next
  fitted = 0
  vitest.invalidateFile(join(root, mutant.file))
  const paths = new Set(mutant.tests.map((file) => join(root, file)))
  const { testModules } = await vitest.runTestSpecifications(
    all.filter(({ moduleId }) => paths.has(moduleId)),
  )
  const tests = testModules.flatMap((module) => [...module.children.allTests()])
  const count = (state) => tests.filter((test) => test.result().state === state).length
  process.stdout.write(`${JSON.stringify({ passed: count('passed'), failed: count('failed'), fitted })}\n`)
}
await vitest.close()
process.exit(0)
