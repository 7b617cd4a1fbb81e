import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder } from '../../support/data-folder.ts'
import { NON_SPEECH } from '../../support/non-speech.ts'
import { spoken, wav } from '../../support/sounds.ts'
import { starling } from '../../support/starling.ts'

/** Two commands: what is checked here is the command line, and a small grammar is built in no time. */
const DOMAIN = `domain: two-commands
version: 1
slots:
  work_order: { type: list, values: { '427': [four two seven], '913': [nine one three] } }
intents:
  work_order.open:
    effectful: true
    phrase: open work order
    templates: ["open work order {work_order}"]
  reading.log:
    effectful: true
    phrase: log a reading
    templates: ["log a reading of four point two bar"]
`

describe('starling speech eval', () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>
  const at = (name: string): string => join(folder.path, name)
  const evaluate = async (manifest: string, ...args: string[]) =>
    await starling(['speech', 'eval', '--manifest', at(manifest), '--json', ...args])

  beforeAll(async () => {
    folder = await dataFolder('speech-eval')
    for (const name of ['open', 'log'] as const) writeFileSync(at(`${name}.wav`), spoken(name))
    writeFileSync(at('domain.yaml'), DOMAIN)
    writeFileSync(at('noise.wav'), wav(NON_SPEECH['pink noise'](4, 1)))
    const lines = [
      { audio: 'open.wav', intent: 'work_order.open', slots: { work_order: '427' }, speaker: 'slt' },
      { audio: 'log.wav', text: 'log a reading of four point two bar' },
      { audio: 'noise.wav', intent: null },
    ]
    writeFileSync(at('good.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    writeFileSync(at('bad.jsonl'), '{"audio":"open.wav"}\n{"audio":"open.wav"')
    writeFileSync(at('wordless.jsonl'), '{"audio":"open.wav"}')
  })
  afterAll(async () => await folder.remove())

  it('states the figures, and ends well when they reach their thresholds', async () => {
    const { code, out, err } = await evaluate(
      'good.jsonl',
      '--domain',
      at('domain.yaml'),
      '--streams',
      '3',
      '--at-least',
      'accepted=1',
      '--at-least',
      'rejected=1',
      '--at-most',
      'wer=0',
    )
    expect(err).toContain('"speaker" means nothing here')
    expect(JSON.parse(out)).toMatchObject({
      domain: 'two-commands',
      streams: 3,
      ignoredKeys: { speaker: 1 },
      noise: null,
      overall: {
        recordings: 3,
        words: { rate: { value: 0, of: 8 }, insertions: 0, deletions: 0, substitutions: 0 },
        commands: { accepted: { count: 2, of: 2 }, wrong: { count: 0 }, missed: { count: 0 } },
        rejected: { count: 1, of: 1 },
        latencyMs: { final: { count: 3 } },
      },
      gate: [{ holds: true }, { holds: true }, { holds: true }],
    })
    expect(code).toBe(0)
  })

  it('is refused by a threshold that is not reached, or that nothing can be computed for', async () => {
    const few = ['--domain', at('domain.yaml'), '--limit', '1']
    const missed = await evaluate('good.jsonl', ...few, '--at-most', 'memory-mb=1')
    expect(missed.code).toBe(1)
    expect(JSON.parse(missed.out)).toMatchObject({ gate: [{ figure: 'memory-mb', holds: false }] })
    const empty = await evaluate('good.jsonl', ...few, '--at-least', 'rejected=0')
    expect(empty.code).toBe(1)
    expect(JSON.parse(empty.out)).toMatchObject({ gate: [{ found: null, holds: false }] })
  })

  it.each([
    ['bad.jsonl', [], 1, /line 2/],
    ['missing.jsonl', [], 1, /missing\.jsonl/],
    ['wordless.jsonl', [], 1, /judged by their words/],
    ['good.jsonl', ['--snr', '6'], 1, /--noise and --snr/],
    ['good.jsonl', ['--domain', 'missing.yaml'], 1, /missing\.yaml/],
    ['good.jsonl', ['--set', 'none'], 1, /no recording is left/],
    ['good.jsonl', ['--at-least', 'speed=1'], 1, /speed=1/],
  ])('is refused with the reason and what to do: %s %j', async (manifest, args, code, why) => {
    const found = await evaluate(manifest, ...args)
    expect(found.code).toBe(code)
    const { error } = JSON.parse(found.out) as { error: { message: string; remedy: string } }
    expect(error.message).toMatch(why)
    expect(error.remedy).not.toBe('')
  })

  it('calls wrong words in the call by their exit code', async () => {
    expect((await evaluate('good.jsonl', '--streams', '0')).code).toBe(2)
    expect((await starling(['speech', 'eval'])).code).toBe(2)
  })
})
