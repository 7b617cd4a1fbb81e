/** A file of sentences with known meaning: `{"text", "intent", "slots"?}` a line; `out_of_scope` or null for what is no wish. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { OUT_OF_SCOPE } from '../intent/wish.ts'

export class TestsRefused extends StarlingError {
  override readonly code = 'tests_refused'
}

const MAX_TESTS_BYTES = 64 * 1024 * 1024

const LineSchema = v.object({
  text: v.string('“text” is the sentence'),
  intent: v.nullable(v.string('“intent” is a name, or null for no wish')),
  slots: v.optional(v.nullable(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))), null),
})

export interface TextTest {
  readonly text: string
  /** {@link OUT_OF_SCOPE} for no wish. */
  readonly intent: string
  /** Null where the file does not say: then they are not judged. */
  readonly slots: Readonly<Record<string, string | number | boolean>> | null
}

/** Throws {@link TestsRefused}, naming file and line. */
export function readTextTests(path: string, intents: ReadonlySet<string>): readonly TextTest[] {
  const tests = readText(path)
    .split('\n')
    .flatMap((content, index) =>
      content.trim() === '' ? [] : [testOf(content, `${path}:${index + 1}`, intents)],
    )
  if (tests.length > 0) return tests
  throw new TestsRefused(`${path} holds no sentence`, { remedy: `Write ${EXAMPLE} a line.` })
}

const EXAMPLE = '{"text":"make some tea","intent":"tea.make","slots":{}}'

function testOf(content: string, at: string, intents: ReadonlySet<string>): TextTest {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (cause) {
    throw new TestsRefused(`${at}: it is not JSON: ${(cause as Error).message}`, {
      remedy: `Write ${EXAMPLE} a line.`,
      cause,
    })
  }
  const parsed = v.safeParse(LineSchema, value)
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new TestsRefused(`${at}: ${issue.message}`, { remedy: `Write ${EXAMPLE} a line.` })
  }
  const { text, slots } = parsed.output
  const intent = parsed.output.intent ?? OUT_OF_SCOPE
  if (intent !== OUT_OF_SCOPE && !intents.has(intent))
    throw new TestsRefused(`${at}: the domain has no intent “${intent}”`, {
      remedy: `Use one of its own, or ${OUT_OF_SCOPE}: ${[...intents].join(', ')}.`,
    })
  return { text, intent, slots }
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length <= MAX_TESTS_BYTES) return bytes.toString('utf8')
  } catch (cause) {
    throw new TestsRefused(`${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the path of a file with one JSON object a line.',
      cause,
    })
  }
  throw new TestsRefused(`${path} is larger than ${MAX_TESTS_BYTES / 2 ** 20} MB`, { remedy: 'Split it.' })
}
