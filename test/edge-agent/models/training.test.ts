import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Recipe, Step } from '../../../edge-agent/models/training/recipes.ts'
import { RECIPES } from '../../../edge-agent/models/training/recipes.ts'
import { cookRecipe, TrainingRefused } from '../../../edge-agent/models/training/step.ts'
import { packageRoot } from '../../../shared/package-root.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'training-'))
  writeFileSync(join(folder, 'input.txt'), 'one')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Appends a letter to a log, so that the runs can be counted, and makes its output from its input. */
function step(letter: string, script: string, more: Partial<Step> = {}): Step {
  const log = `require('fs').appendFileSync('${folder}/log','${letter}');`
  return {
    title: `step ${letter}`,
    command: ['node', '-e', log + script],
    inputs: [join(folder, 'input.txt')],
    outputs: [`${letter}.txt`],
    ...more,
  }
}

const copies = (letter: string) =>
  step(letter, `require('fs').copyFileSync('${folder}/input.txt','${folder}/out/${letter}.txt')`)

async function cook(
  steps: readonly Step[],
  more: Partial<Recipe> & { anew?: boolean } = {},
): Promise<string[]> {
  const told: string[] = []
  const { anew = false, ...rest } = more
  const recipe: Recipe = { makes: 'a test', out: 'unused', modules: [], needs: [], steps, ...rest }
  await cookRecipe(recipe, { root: folder, out: join(folder, 'out'), anew, tell: (line) => told.push(line) })
  return told
}

const ran = (): string => readFileSync(join(folder, 'log'), 'utf8')

test('a step is run once, and again when what it reads or made has changed, or when that is wanted', async () => {
  await cook([copies('a'), copies('b')])
  expect(
    (await cook([copies('a'), copies('b')])).filter((line) => line.includes('made already')),
  ).toHaveLength(2)
  expect(ran()).toBe('ab')
  writeFileSync(join(folder, 'out/b.txt'), 'damaged')
  await cook([copies('a'), copies('b')])
  expect(ran()).toBe('abb')
  writeFileSync(join(folder, 'input.txt'), 'two')
  await cook([copies('a'), copies('b')])
  expect(ran()).toBe('abbab')
  expect(readFileSync(join(folder, 'out/a.txt'), 'utf8')).toBe('two')
  await cook([copies('a')], { anew: true })
  expect(ran()).toBe('abbaba')
})

test('a recipe that failed goes on where it stopped', async () => {
  const fails = step('b', 'process.exit(3)')
  await expect(cook([copies('a'), fails])).rejects.toThrow(/step b ended with 3/)
  await cook([copies('a'), copies('b')])
  expect(ran()).toBe('abb')
})

test('a step that printed only half leaves nothing that looks whole', async () => {
  const halves = step('a', "console.log('half');process.exitCode=1", { keepsOutput: true })
  await expect(cook([halves])).rejects.toBeInstanceOf(TrainingRefused)
  expect(existsSync(join(folder, 'out/a.txt'))).toBe(false)
  const whole = step('a', "console.log('whole')", { keepsOutput: true })
  await cook([whole])
  expect(readFileSync(join(folder, 'out/a.txt'), 'utf8')).toBe('whole\n')
})

test('a step that ends well without its output is refused', async () => {
  await expect(cook([step('a', '')])).rejects.toThrow(/left out one of a.txt/)
})

test('what is missing is named with the package that has it', async () => {
  const needs = [{ path: '/nowhere/at/all', debianPackage: 'pocketsphinx-en-us' }]
  const missing = await cook([], { needs }).catch((thrown: unknown) => thrown)
  expect(missing).toMatchObject({
    code: 'training_refused',
    remedy: expect.stringContaining('pocketsphinx-en-us') as string,
  })
  const module = await cook([], { modules: ['no_such_module'] }).catch((thrown: unknown) => thrown)
  expect(module).toMatchObject({ remedy: expect.stringContaining('python3-no_such_module') as string })
})

test('every recipe reads and makes files that there are', () => {
  for (const { steps, out } of Object.values(RECIPES))
    for (const { inputs, outputs } of steps) {
      for (const input of inputs.filter((path) => path.startsWith('edge-agent/')))
        expect(existsSync(new URL(input, packageRoot())), input).toBe(true)
      for (const output of outputs.filter((path) => !path.startsWith('.made/')))
        expect(existsSync(new URL(`${out}/${output}`, packageRoot())), output).toBe(true)
    }
})
