/**
 * `npm run train -- speech|confidence|letters|language|dictation|intent|embedding [--out DIR] [--anew]`: makes the files that ship, from nothing. What is there already
 * and was made from the same inputs is left alone. Exit code 1 when something is missing or fails, 2 for wrong words.
 */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { reportError } from '../../../shared/errors.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { RECIPES } from './recipes.ts'
import { cookRecipe } from './step.ts'

const USAGE = `Usage: npm run train -- RECIPE [--out DIR] [--anew]
${Object.entries(RECIPES)
  .map(([name, { makes }]) => `  ${name.padEnd(12)}${makes}`)
  .join('\n')}
  --out DIR   where to write (default: where the shipped files lie)
  --anew      make again what is there already
There is no recipe for voice activity: it is computed from the spectrum and has no weights.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    anew: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const name = positionals[0] ?? ''
const recipe = Object.hasOwn(RECIPES, name) ? RECIPES[name] : undefined
if (values.help || positionals.length !== 1 || recipe === undefined) {
  console.log(USAGE)
  process.exitCode = values.help ? 0 : 2
} else {
  try {
    await cookRecipe(recipe, {
      root: fileURLToPath(packageRoot()),
      out: resolve(values.out ?? fileURLToPath(new URL(recipe.out, packageRoot()))),
      anew: values.anew,
      tell: (line) => console.log(line),
    })
  } catch (thrown) {
    const { code, message, remedy } = reportError(thrown)
    console.error(`${code}: ${message}\n${remedy}`)
    process.exitCode = 1
  }
}
