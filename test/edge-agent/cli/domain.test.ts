/** `starling domain` as people call it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { starling, type Ran } from '../../support/starling.ts'
import { LAMPS } from '../domain-build/lamps.ts'

const folder = mkdtempSync(join(tmpdir(), 'domain-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const call = async (...args: string[]): Promise<Ran> =>
  await starling(['domain', ...args, '--data', join(folder, 'home')])
const json = (text: string): unknown => JSON.parse(text) as unknown

describe('starling domain', () => {
  test('builds a folder, and shows which words it guessed', async () => {
    const path = file('lamps.yaml', LAMPS)
    const out = join(folder, 'lamps.domain')
    const ran = await call('build', path, '--out', out, '--json')
    expect(ran.code).toBe(0)
    expect(json(ran.out)).toMatchObject({
      domain: 'lamps',
      version: '1.2.0',
      intents: 6,
      guessed: [{ word: 'zwickelroom' }],
      unheard: [],
    })
    expect(ran.err).toMatch(/learning the intents: round 1 of/)
    expect(json(readFileSync(join(out, 'card.json'), 'utf8'))).toMatchObject({ kind: 'domain' })
  }, 60_000)

  test('measures a domain on sentences', async () => {
    const path = file('lamps.yaml', LAMPS)
    const tests = file(
      'tests.jsonl',
      [
        { text: 'switch on the galley light', intent: 'lamp.on', slots: { room: 'kitchen' } },
        { text: 'dim the lamp to four', intent: 'lamp.dim', slots: { level: 5 } },
        { text: 'how far is the moon', intent: null },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    )
    const ran = await call('eval', path, '--tests', tests, '--json')
    expect(ran.code).toBe(0)
    expect(json(ran.out)).toMatchObject({
      sentences: 3,
      accuracy: { count: 2, of: 2 },
      accepted: { count: 1, of: 2 },
      rejected: { count: 1, of: 1 },
      confusion: [],
      slots: [
        { slot: 'level', right: 0, wrong: 1 },
        { slot: 'room', right: 1, wrong: 0 },
      ],
    })
    // The second time nothing is built.
    expect((await call('eval', path, '--tests', tests)).err).not.toMatch(/learning/)
  }, 60_000)

  test('says file, line and column of what is wrong, and what to write instead', async () => {
    const path = file('broken.yaml', LAMPS.replace('{level}', '{levle}'))
    const ran = await call('build', path, '--json')
    expect(ran.code).toBe(1)
    expect(json(ran.out)).toMatchObject({
      error: {
        code: 'domain_refused',
        message: `${path}:17:45: there is no slot “levle”`,
        remedy: 'Define it under slots, or look for a slip of the hand.',
      },
    })
    const plain = await call('eval', path, '--tests', path)
    expect(plain.code).toBe(1)
    expect(plain.err).toContain(`error (domain_refused): ${path}:17:45:`)
    expect((await call('build')).code).toBe(2)
  }, 60_000)
})
