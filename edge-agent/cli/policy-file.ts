/** A policy document in a file, JSON or YAML: read whole, and every fault told with its line and field. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { LineCounter, parseDocument, type Document, type Node } from 'yaml'
import { StarlingError } from '../../shared/errors.ts'
import { PolicySchema, type PolicyDocument } from '../../shared/policy/policy.ts'
import { policyFaults } from '../../shared/policy/soundness.ts'

/** A file that holds no policy which could be put in force; `details` has every fault. */
export class PolicyFileRefused extends StarlingError {
  override readonly code = 'policy_file_refused'
}

interface FileFault {
  readonly line: number
  /** A path with dots; empty for the file as a whole. */
  readonly field: string
  readonly message: string
  readonly remedy: string
}

/** Throws {@link PolicyFileRefused}. */
export function readPolicyFile(path: string, nowMs: number): PolicyDocument {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new PolicyFileRefused(`${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Name a file with a policy: starling policy show > FILE makes one.',
      cause,
    })
  }
  return parsePolicy(text, nowMs, path)
}

/** Throws {@link PolicyFileRefused} with the first fault, all of them in its details. */
function parsePolicy(text: string, nowMs: number, path: string): PolicyDocument {
  const refuse = (faults: readonly FileFault[]): void => {
    const [first] = faults
    if (first === undefined) return
    const at = first.field === '' ? '' : ` ${first.field}:`
    throw new PolicyFileRefused(`${path}:${first.line}:${at} ${first.message}`, {
      remedy: first.remedy,
      details: { file: path, faults },
    })
  }
  const lines = new LineCounter()
  const yaml = parseDocument(text, { lineCounter: lines })
  refuse(
    yaml.errors.map(({ pos, message }) => ({
      line: lines.linePos(pos[0]).line,
      field: '',
      message: (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
      remedy: 'Mend the JSON or YAML there.',
    })),
  )
  const lineOf = (at: readonly (string | number)[]): number => lines.linePos(offsetOf(yaml, at)).line
  const parsed = v.safeParse(PolicySchema, yaml.toJS())
  if (parsed.success) {
    refuse(
      policyFaults(parsed.output, nowMs).map((fault) => ({ line: lineOf(fault.field.split('.')), ...fault })),
    )
    return parsed.output
  }
  refuse(parsed.issues.map((issue) => faultOf(issue, lineOf)))
  throw new TypeError('a schema refused it without an issue')
}

function faultOf(
  { path, expected, message }: v.BaseIssue<unknown>,
  lineOf: (at: readonly (string | number)[]) => number,
): FileFault {
  const at = (path ?? []).map(({ key }) => key as string | number)
  const remedy =
    expected === null || expected === 'never'
      ? 'See starling policy show for one that holds.'
      : `Give ${expected}.`
  return { line: lineOf(at), field: at.join('.'), message, remedy }
}

/** Where the value at `path` begins, or the nearest above it that is there. */
function offsetOf(yaml: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const part = path.slice(0, length)
    const found = (length === 0 ? yaml.contents : yaml.getIn(part, true)) as Node | null | undefined
    const offset = found?.range?.[0]
    if (offset !== undefined) return offset
  }
  return 0
}
