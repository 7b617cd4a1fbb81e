import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { textReport, type TextOutcome } from '../../../edge-agent/evaluation/text-evaluation.ts'
import { readTextTests } from '../../../edge-agent/evaluation/text-tests.ts'

const outcome = (
  meant: string,
  understood: string,
  rest: {
    confidence?: number
    wanted?: Record<string, string | number>
    got?: Record<string, string | number>
  } = {},
): TextOutcome => ({
  test: { text: 'words', intent: meant, slots: rest.wanted ?? null },
  understood: { intent: understood, confidence: rest.confidence ?? 0.9, slots: rest.got ?? {} },
  ask: 0.4,
  tookMs: 1,
})

describe('the report on sentences', () => {
  const report = textReport([
    outcome('tea', 'tea', { wanted: { kind: 'Green ', cups: '3' }, got: { kind: 'green', cups: 3 } }),
    outcome('tea', 'tea', { wanted: { kind: 'black' }, got: { kind: 'green', cups: 2 } }),
    outcome('tea', 'lamp'),
    outcome('tea', 'tea', { confidence: 0.3 }),
    outcome('lamp', 'lamp', { wanted: { room: 'hall' } }),
    outcome('out_of_scope', 'out_of_scope'),
    outcome('out_of_scope', 'lamp'),
  ])

  test('counts an unsure answer as none, and a wrong slot as not accepted', () => {
    expect(report.accuracy).toMatchObject({ count: 3, of: 5 })
    expect(report.accepted).toMatchObject({ count: 1, of: 5 })
    expect(report.rejected).toMatchObject({ count: 1, of: 2 })
    expect(report.falselyRejected).toMatchObject({ count: 1, of: 5 })
  })

  test('says what was taken for what', () => {
    expect(report.confusion).toEqual([
      { meant: 'out_of_scope', understood: 'lamp', count: 1 },
      { meant: 'tea', understood: 'lamp', count: 1 },
      { meant: 'tea', understood: 'out_of_scope', count: 1 },
    ])
    expect(report.intents.find(({ intent }) => intent === 'lamp')).toMatchObject({
      recall: { count: 1, of: 1 },
      precision: { count: 1, of: 3 },
    })
  })

  test('tells wrong, missing and unwanted slots apart', () => {
    expect(report.slots).toEqual([
      { slot: 'cups', right: 1, wrong: 0, missing: 0, extra: 1 },
      { slot: 'kind', right: 1, wrong: 1, missing: 0, extra: 0 },
      { slot: 'room', right: 0, wrong: 0, missing: 1, extra: 0 },
    ])
  })
})

describe('a file of sentences', () => {
  const folder = mkdtempSync(join(tmpdir(), 'text-tests-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const read = (text: string) => {
    const path = join(folder, 'tests.jsonl')
    writeFileSync(path, text)
    return readTextTests(path, new Set(['tea']))
  }

  test('is read, blank lines left out', () => {
    expect(
      read('{"text":"a","intent":"tea","slots":{"n":1},"synthetic":true}\n\n{"text":"b","intent":null}\n'),
    ).toEqual([
      { text: 'a', intent: 'tea', slots: { n: 1 } },
      { text: 'b', intent: 'out_of_scope', slots: null },
    ])
  })

  test.each([
    ['no JSON', '{"text":"a","intent":"tea"}\nnonsense\n', /tests\.jsonl:2: it is not JSON/],
    ['no text', '{"intent":"tea"}\n', /tests\.jsonl:1: /],
    ['an unknown intent', '{"text":"a","intent":"coffee"}\n', /:1: the domain has no intent “coffee”/],
    ['nothing', '\n', /holds no sentence/],
  ])('with %s is refused at its line', (_what, text, message) => {
    expect(() => read(text)).toThrow(message)
  })

  test('that is not there is said so', () => {
    expect(() => readTextTests(join(folder, 'absent.jsonl'), new Set())).toThrow(/cannot be read/)
  })
})
