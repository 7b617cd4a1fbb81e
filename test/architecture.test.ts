import { readFileSync, readdirSync } from 'node:fs'
import { join, relative, resolve, dirname, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  rollout: ['shared', 'rollout'],
  'control-plane': ['shared', 'rollout', 'control-plane'],
  'edge-agent': ['shared', 'rollout', 'edge-agent'],
}

interface Import {
  readonly file: string
  readonly target: string
}

function importsUnder(folder: string): readonly Import[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
    .flatMap((name) => {
      const file = join(root, folder, name)
      const text = readFileSync(file, 'utf8')
      return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => ({
        file: relative(root, file),
        target: match[1] ?? '',
      }))
    })
}

describe('the direction of imports', () => {
  for (const [folder, mayReach] of Object.entries(allowed)) {
    it(`${folder} reaches only ${mayReach.join(', ')}`, () => {
      const wrong = importsUnder(folder)
        .filter(({ target }) => target.startsWith('.'))
        .map(({ file, target }) => ({
          file,
          top: relative(root, resolve(root, dirname(file), target)).split(sep)[0],
        }))
        .filter(({ top }) => top === undefined || !mayReach.includes(top))
      expect(wrong).toEqual([])
    })
  }

  it('looked at more than zero imports', () => {
    expect(importsUnder('shared').length).toBeGreaterThan(5)
  })

  it('lets only inference workers touch a model runtime, and only they the models', () => {
    const importers = Object.keys(allowed).flatMap((folder) =>
      importsUnder(folder)
        .filter(({ target }) => target.startsWith('onnxruntime'))
        .map(({ file }) => file),
    )
    expect(importers.length).toBeGreaterThan(0)
    expect(importers.filter((file) => !file.endsWith('.worker.ts'))).toEqual([])
  })

  it('lets only the kernel make an admission', () => {
    const importers = Object.keys(allowed).flatMap((folder) =>
      importsUnder(folder)
        .filter(({ target }) => target.endsWith('/admitted.ts'))
        .map(({ file }) => file)
        .filter((file) => /\bgrant\b/.test(readFileSync(join(root, file), 'utf8'))),
    )
    expect(importers.filter((file) => !file.startsWith(join('shared', 'kernel')))).toEqual([])
  })
})
