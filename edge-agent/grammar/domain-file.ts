/** Reads a domain file, in Starling's own form or as the command expressions of published benchmarks. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Domain } from './domain.ts'
import { readDomainFormat } from './domain-format.ts'
import { DomainRefused } from './domain-refused.ts'
import { isExpressionFormat, readExpressionFormat } from './expression-format.ts'
import { YamlFile } from './yaml-places.ts'

/** A domain is written by people; a larger file is something else. */
const MAX_DOMAIN_BYTES = 1024 * 1024

/** Throws {@link DomainRefused}, naming file, line and column. */
export function readDomainFile(path: string): Domain {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new DomainRefused(
      { file: path, place: null },
      `it cannot be read: ${(cause as Error).message}`,
      'Give the path of a domain file that you may read.',
    )
  }
  return parseDomain(bytes, path)
}

/** Throws {@link DomainRefused}; `file` is what its message calls the text. */
export function parseDomain(text: string | Uint8Array, file = 'domain.yaml'): Domain {
  const refuse = (why: string, remedy: string): never => {
    throw new DomainRefused({ file, place: null }, why, remedy)
  }
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  if (bytes.length > MAX_DOMAIN_BYTES)
    refuse(`it has more than ${MAX_DOMAIN_BYTES / 1024} KB`, 'Split it into several domains.')
  const yaml = new YamlFile(decoded(bytes, refuse), file)
  if (isExpressionFormat(yaml.value)) return readExpressionFormat(yaml, nameOf(file))
  if (typeof yaml.value !== 'object' || yaml.value === null)
    refuse('it holds no domain', 'Begin it with “domain: NAME”; see edge-agent/domains/README.md.')
  return readDomainFormat(yaml)
}

function decoded(bytes: Uint8Array, refuse: (why: string, remedy: string) => never): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('it is not text in UTF-8', 'Save it as UTF-8.')
  }
}

/** Expressions name no domain: the file does. */
function nameOf(file: string): string {
  const name = basename(file)
    .replace(/\.ya?ml$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32)
  return name === '' ? 'expressions' : name
}
