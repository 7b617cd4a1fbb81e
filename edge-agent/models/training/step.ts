/**
 * Runs a recipe step by step. A step that has run leaves the digest of its inputs and outputs beside them: while both are as
 * they were it is not run again, so that a recipe that was interrupted goes on where it stopped.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { sha256Hex } from '../../../shared/digest.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { Recipe, Step } from './recipes.ts'

export class TrainingRefused extends StarlingError {
  readonly code = 'training_refused'
}

export interface Kitchen {
  readonly root: string
  readonly out: string
  readonly anew: boolean
  tell(line: string): void
}

/** The interpreters that may have Debian's modules: another Python may come first on the path. */
const PYTHONS = ['python3', '/usr/bin/python3']
const STAMPS = '.made'

/** Throws {@link TrainingRefused} naming what is missing, or the step that failed. */
export async function cookRecipe(recipe: Recipe, kitchen: Kitchen): Promise<void> {
  for (const { path, debianPackage } of recipe.needs)
    if (!existsSync(path))
      throw new TrainingRefused(`${path} is not there`, {
        remedy: `Install Debian's package: apt-get install ${debianPackage}`,
      })
  const python = recipe.modules.length === 0 ? '' : await pythonWith(recipe.modules)
  mkdirSync(join(kitchen.out, STAMPS), { recursive: true })
  for (const [number, step] of recipe.steps.entries()) {
    const place = `step ${number + 1} of ${recipe.steps.length}, ${step.title}`
    // By what it makes: several recipes write into one folder.
    const stamp = join(kitchen.out, STAMPS, `${basename(step.outputs[0])}.stamp`)
    if (!kitchen.anew && existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOf(step, kitchen)) {
      kitchen.tell(`${place}: made already`)
      continue
    }
    kitchen.tell(`${place}: begins`)
    await runStep(step, kitchen, python)
    const digest = digestOf(step, kitchen)
    if (digest === undefined)
      throw new TrainingRefused(`${place} left out one of ${step.outputs.join(', ')}`, {
        remedy: 'Read what the step printed above.',
      })
    writeFileSync(stamp, digest)
    for (const output of step.outputs)
      kitchen.tell(`  ${sha256Hex(readFileSync(join(kitchen.out, output)))}  ${output}`)
  }
}

async function pythonWith(modules: readonly string[]): Promise<string> {
  const code = modules.map((name) => `import ${name}`).join('\n')
  for (const python of PYTHONS) if ((await exitCodeOf(python, ['-c', code])) === 0) return python
  throw new TrainingRefused(`no Python here has the modules ${modules.join(' and ')}`, {
    remedy: `Install Debian's packages: apt-get install ${modules.map((name) => `python3-${name}`).join(' ')}`,
  })
}

async function runStep(step: Step, kitchen: Kitchen, python: string): Promise<void> {
  const [program = '', ...words] = step.command.map((word) => filled(word, kitchen).replaceAll('{python}', python))
  const child = spawn(program, words, { cwd: kitchen.root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (step.keepsOutput === true) {
    const target = join(kitchen.out, step.outputs[0])
    await pipeline(child.stdout, createWriteStream(`${target}.part`))
    if ((await ended) === 0) renameSync(`${target}.part`, target)
  } else child.stdout.on('data', (text: Buffer) => kitchen.tell(text.toString('utf8').trimEnd()))
  const code = await ended
  if (code !== 0)
    throw new TrainingRefused(`${step.title} ended with ${code ?? 'a signal'}`, {
      remedy: 'Read what the step printed above; begun again, finished steps are not repeated.',
    })
}

async function exitCodeOf(program: string, words: readonly string[]): Promise<number | null> {
  return await new Promise((resolve) => {
    const child = spawn(program, words, { stdio: 'ignore' })
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
}

/** Of a step's inputs and outputs together; undefined while one is missing. */
function digestOf(step: Step, kitchen: Kitchen): string | undefined {
  const inputs = step.inputs.map((path) => {
    const full = filled(path, kitchen)
    return isAbsolute(full) ? full : join(kitchen.root, full)
  })
  const paths = [...inputs, ...step.outputs.map((name) => join(kitchen.out, name))]
  if (!paths.every((path) => existsSync(path))) return undefined
  return sha256Hex(paths.flatMap(filesBelow).map((path) => `${sha256Hex(readFileSync(path))}  ${path}\n`).join(''))
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => name !== '__pycache__')
    .toSorted()
    .flatMap((name) => filesBelow(join(path, name)))
}

function filled(word: string, { root, out }: Kitchen): string {
  return word.replaceAll('{root}/', root.endsWith('/') ? root : `${root}/`).replaceAll('{out}', out)
}
