/**
 * Where the gates stand, found in the sources themselves, so that a performer added tomorrow is examined tomorrow: every
 * definition of a `perform`, and every place where an admission is redeemed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')
const FOLDERS = ['shared', 'rollout', 'control-plane', 'edge-agent']
/** The contract declares `perform`, the kernel calls it; neither carries an effect out. */
const NO_PERFORMERS = ['shared/kernel/contract.ts', 'shared/kernel/admitted.ts', 'shared/kernel/kernel.ts']

export interface Source {
  /** Relative to the root. */
  readonly file: string
  readonly text: string
}

export interface Gate {
  readonly file: string
  /** Offset of `redeem(` in the file. */
  readonly at: number
  readonly line: number
}

export function sources(): readonly Source[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => join(ROOT, folder, name))
      .map((path) => ({ file: relative(ROOT, path), text: readFileSync(path, 'utf8') })),
  ).filter(({ file }) => !NO_PERFORMERS.includes(file))
}

export function gatesIn({ file, text }: Source): readonly Gate[] {
  return [...blank(text).matchAll(/(?<![.\w])redeem\(/g)].map(({ index }) => ({
    file,
    at: index,
    line: lineOf(text, index),
  }))
}

/** The definitions of `perform` whose first statement is no gate, as `file:line`. */
export function ungatedIn({ file, text }: Source): readonly string[] {
  const code = blank(text)
  return [...code.matchAll(/(?<![.\w])perform\s*[,}:(]/g)]
    .filter(({ index }) => !IS_TYPE.test(code.slice(index)) && !IS_GATED.test(code.slice(index)))
    .map(({ index }) => `${file}:${lineOf(text, index)}`)
}

const IS_TYPE = /^perform\s*:\s*(?:never|unknown)\b/
const IS_GATED =
  /^perform(?::\s*async\s*|:\s*)?\([^)]*\)(?::[^={]+)?\s*(?:=>)?\s*\{\s*(?:const\s[^=]+=\s*)?redeem\(\s*admitted,/

/** The code with comments and strings blanked out, offsets kept. */
export function blank(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'/g, (found) =>
    found.replace(/[^\n]/g, ' '),
  )
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
