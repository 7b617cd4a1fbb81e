import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signedBytes } from '../../../rollout/tuf/canonical.ts'
import { keyIdOf } from '../../../rollout/tuf/documents.ts'
import { fileName, metadataName, targetLocation, urlPath } from '../../../rollout/tuf/file-names.ts'
import { countSigners } from '../../../rollout/tuf/keys.ts'
import { readTargets, readTimestamp } from '../../../rollout/tuf/metadata.ts'
import { matchesPath } from '../../../rollout/tuf/path-pattern.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import type { Json } from '../../../shared/json.ts'

const canonical = (value: Json): string => new TextDecoder().decode(signedBytes(value, 'test'))

describe('canonical JSON for signatures', () => {
  it('sorts by code point and escapes only quotes and backslashes', () => {
    expect(canonical({ b: [1, -2, true, null], a: 'x"\\\n\u0001é' })).toBe(
      '{"a":"x\\"\\\\\n\u0001é","b":[1,-2,true,null]}',
    )
    expect(canonical({ '\u{1f600}': 1, '\uffee': 2 })).toBe('{"\uffee":2,"\u{1f600}":1}')
    expect(canonical(-0)).toBe('0')
  })

  it('has no form for fractions, numbers that lost digits, lone surrogates, or endless depth', () => {
    let deep: Json = 0
    for (let depth = 0; depth < 200; depth += 1) deep = [deep]
    for (const value of [0.5, 2 ** 53, '\ud800', { '\udc00': 1 }, deep])
      expect(() => canonical(value)).toThrow(TufRefused)
  })

  it('gives the key id that python-securesystemslib gives', () => {
    // An ECDSA key out of the demonstration repository of tuf-on-ci, whose signer is securesystemslib.
    const document = {
      keytype: 'ecdsa',
      keyval: {
        public:
          '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEohqIdE+yTl4OxpX8ZxNUPrg3SL9H\nBDnhZuceKkxy2oMhUOxhWweZeG3bfM1T4ZLnJimC6CAYVU5+F5jZCoftRw==\n-----END PUBLIC KEY-----\n',
      },
      scheme: 'ecdsa-sha2-nistp256',
      'x-tuf-on-ci-keyowner': '@jku',
    }
    expect(keyIdOf(document)).toBe('aa61e09f6af7662ac686cf0c6364079f63d3e7a86836684eeced93eace3acd81')
  })
})

describe('what python-securesystemslib 0.26 signed', () => {
  const made = JSON.parse(readFileSync(new URL('securesystemslib.json', import.meta.url), 'utf8')) as {
    readonly doc: Json
    readonly canonical: string
    readonly keys: readonly { keyid: string; keytype: string; scheme: string; public: string; sig: string }[]
  }

  it('has the same canonical form', () => {
    expect(canonical(made.doc)).toBe(made.canonical)
  })

  it.each(made.keys)('counts: $keytype $scheme', ({ keyid, keytype, scheme, public: publicText, sig }) => {
    const signers = {
      keyIds: [keyid],
      threshold: 1,
      keys: new Map([[keyid, { keytype, scheme, publicText }]]),
    }
    const message = signedBytes(made.doc, 'test')
    expect(countSigners(signers, message, new Map([[keyid, sig]]))).toBe(1)
    expect(countSigners(signers, message.subarray(1), new Map([[keyid, sig]]))).toBe(0)
  })
})

describe('path patterns', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*', 'a', true],
    ['*', '', true],
    ['*', 'a/b', false],
    ['*/*', 'a/b', true],
    ['*.md', '.md', true],
    ['*.md', 'README.mdx', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', '\u{1f600}', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['[ab]x', 'bx', true],
    ['[!ab]x', 'bx', false],
    ['[!ab]x', 'cx', true],
    ['[a-c]', 'b', true],
    ['[]]', ']', true],
    ['[', '[', true],
    ['a.c', 'abc', false],
    ['**', 'a/b', false],
    ['{a,b}', 'a', false],
    ['', '', true],
    ['/a', 'a', false],
  ]
  it.each(cases)('%s against %s: %s', (pattern, path, matches) => {
    expect(matchesPath(pattern, path)).toBe(matches)
  })

  it('match whatever has its stars filled in', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '.') })
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 6 }),
        fc.array(word, { minLength: 6, maxLength: 6 }),
        (fixed, fill) => {
          const path = fixed
            .map((part, index) => (index === 0 ? part : `${fill[index] ?? ''}${part}`))
            .join('')
          expect(matchesPath(fixed.join('*'), path)).toBe(true)
        },
      ),
    )
  })

  it('take no exponential time', () => {
    expect(matchesPath('*a'.repeat(500), 'a'.repeat(2_000) + 'b')).toBe(false)
  })
})

describe('names of files', () => {
  it('stay inside of their folder and of their address', () => {
    expect(metadataName('../a', 3)).toBe('3...%2Fa.json')
    expect(fileName('..')).toBe('%2E%2E')
    expect(fileName("a/b'(*)!")).toBe('a%2Fb%27%28%2A%29%21')
    expect(targetLocation('a/b', 'ff')).toBe('a/ff.b')
    expect(targetLocation('b', undefined)).toBe('b')
    expect(urlPath('../a b?#%/x+y@z')).toBe('%2E%2E/a%20b%3F%23%25/x+y@z')
  })
})

describe('what is no metadata', () => {
  const signed = {
    _type: 'timestamp',
    spec_version: '1.0.34',
    version: 1,
    expires: '2030-01-31T12:00:00Z',
    meta: { 'snapshot.json': { version: 1 } },
  }
  const file = (change: object): Uint8Array =>
    Buffer.from(JSON.stringify({ signatures: [], signed: { ...signed, ...change } }))
  const cases: readonly (readonly [string, object])[] = [
    ['another type', { _type: 'snapshot' }],
    ['a later major version of the specification', { spec_version: '2.0.0' }],
    ['a specification version that is none', { spec_version: '1' }],
    ['version 0', { version: 0 }],
    ['a version in text', { version: '1' }],
    ['a fraction of a version', { version: 1.5 }],
    ['a day that does not exist', { expires: '2030-02-30T12:00:00Z' }],
    ['a time with another offset', { expires: '2030-01-31T12:00:00+01:00' }],
    ['a list for an object', { meta: [] }],
    ['no snapshot', { meta: {} }],
    [
      'an inherited name for an own one',
      { meta: JSON.parse('{"__proto__": {"snapshot.json": {"version": 1}}}') as object },
    ],
    ['a snapshot of version 0', { meta: { 'snapshot.json': { version: 0 } } }],
    ['a negative length', { meta: { 'snapshot.json': { version: 1, length: -1 } } }],
    ['empty hashes', { meta: { 'snapshot.json': { version: 1, hashes: {} } } }],
  ]
  it.each(cases)('%s is refused', (_name, change) => {
    expect(() => readTimestamp(file({}))).not.toThrow()
    expect(() => readTimestamp(file(change))).toThrow(TufRefused)
  })

  it.each(['', '{', '[]', 'null', '{"signed":{}}', '\ufeff{"signatures":[],"signed":{}}', '"\ud800"'])(
    '%j is refused',
    (text) => {
      expect(() => readTargets(Buffer.from(text), 'targets')).toThrow(TufRefused)
      expect(() => readTargets(Buffer.from([0xff, 0xfe, ...Buffer.from(text)]), 'targets')).toThrow(
        TufRefused,
      )
    },
  )
})
