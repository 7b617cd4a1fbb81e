/**
 * What must not be taught, because it is measured: digests of every sentence of the benchmark's sets, as the classifier is given
 * it. Only digests are here, so that whoever writes wordings for training cannot have read what they will be measured on.
 */
import { readFileSync } from 'node:fs'
import { sha256Hex } from '../../../../shared/digest.ts'
import { packageRoot } from '../../../../shared/package-root.ts'

/** One a line, sorted. A test keeps it in step with the sets. */
export const HELD_BACK = 'edge-agent/models/training/intent/held-back.txt'
const DIGEST_CHARS = 16

export function digestOfTokens(tokens: readonly string[]): string {
  return sha256Hex(tokens.join(' ')).slice(0, DIGEST_CHARS)
}

/** Whether tokens are those of a sentence that is measured. */
export function heldBackReader(): (tokens: readonly string[]) => boolean {
  const digests = new Set(readFileSync(new URL(HELD_BACK, packageRoot()), 'utf8').trim().split('\n'))
  return (tokens) => digests.has(digestOfTokens(tokens))
}
