/** Seeded damage to a TUF repository: to what is signed before it is signed, and to the files after. */
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import type { Loose, LooseValue, TestRepository } from '../../support/tuf-repository.ts'

/** Uniform in [0, 1). */
export type Random = () => number

const pick = <T>(random: Random, from: readonly T[]): T => {
  const chosen = from[Math.floor(random() * from.length)]
  if (chosen === undefined) throw new Error('nothing to pick from')
  return chosen
}

const VALUES: readonly LooseValue[] = [
  null,
  true,
  false,
  0,
  1,
  2,
  3,
  -1,

  '',
  'x',
  '1',
  '1.0',
  '2.0.0',
  '1.0.34.1',
  '*',
  'a/*',
  'root',
  'targets',
  '2020-01-01T00:00:00Z',
  '2040-01-01T00:00:00Z',
  '2040-01-01T00:00:00.000Z',
  '2040-01-01',
  '2040-13-01T00:00:00Z',
  'soon',
  '00'.repeat(32),
  [],
  {},
  ['x'],
  ['*'],
  { x: 1 },
  { sha256: '00'.repeat(32) },
  { md5: '00'.repeat(16) },
  { 'snapshot.json': { version: 1 } },
]

/** Changes one thing in the newest files of the repository, and says what, as `how role path`. */
export function mutate(repository: TestRepository, random: Random): string {
  const role = pick(random, [...repository.published.keys()])
  const kinds = [changeField, changeField, changeField, changeField, changeEnvelope, changeBytes, changeState]
  return pick(random, kinds)(repository, role, random)
}

/** One value somewhere in `signed`, then rightly signed. */
function changeField(repository: TestRepository, role: string, random: Random): string {
  const kept = structuredClone(repository.document(role))
  const what = changeSomewhere(repository.document(role), random)
  repository.replaceLatest(role, repository.sign(role))
  repository.documents.set(role, kept)
  return `field ${role} ${what}`
}

function changeSomewhere(document: Loose, random: Random): string {
  const path: string[] = []
  let at: Loose | LooseValue[] = document
  for (;;) {
    const names = Object.keys(at)
    const roll = random()
    if (names.length === 0 || roll < 0.08) {
      if (Array.isArray(at))
        at.push(at.length > 0 && roll < 0.04 ? structuredClone(pick(random, at)) : pick(random, VALUES))
      else at['unknown-field'] = pick(random, VALUES)
      return `added ${path.join('.')}`
    }
    const containers = names.filter((candidate) => typeof childOf(at, candidate) === 'object')
    // Most of what decides lies deep: thresholds, key ids, delegations.
    const name = pick(random, containers.length > 0 && random() < 0.6 ? containers : names)
    const child = childOf(at, name)
    path.push(name)
    if (typeof child === 'object' && child !== null && random() < 0.9) {
      at = child
      continue
    }
    if (random() < 0.3 && !Array.isArray(at)) {
      delete at[name]
      return `removed ${path.join('.')}`
    }
    const value = structuredClone(pick(random, VALUES))
    ;(at as Loose)[name] = value
    return `set ${path.join('.')} = ${JSON.stringify(value)}`
  }
}

/** Signatures and what is around `signed`: nobody signs those. */
function changeEnvelope(repository: TestRepository, role: string, random: Random): string {
  const changes: Readonly<Record<string, (file: Loose, signatures: Loose[]) => void>> = {
    'no signatures': (file) => (file['signatures'] = []),
    'signatures removed': (file) => delete file['signatures'],
    'repeated signature': (_file, signatures) => void signatures.push(structuredClone(signatures[0] ?? {})),
    'signature of another key id': (_file, [first]) =>
      void (first !== undefined && (first['keyid'] = 'ff'.repeat(32))),
    'signature without key id': (_file, [first]) => void (first !== undefined && delete first['keyid']),
    'signature empty': (_file, [first]) => void (first !== undefined && (first['sig'] = '')),
    'signature no text': (_file, [first]) => void (first !== undefined && (first['sig'] = 7)),
    'signature in capitals': (_file, [first]) =>
      void (first !== undefined && (first['sig'] = text(first['sig']).toUpperCase())),
    'signature with a tail': (_file, [first]) =>
      void (first !== undefined && (first['sig'] = `${text(first['sig'])}zz`)),
    'signature cut': (_file, [first]) =>
      void (first !== undefined && (first['sig'] = text(first['sig']).slice(0, -2))),
    'stranger signs first': (_file, signatures) =>
      void signatures.unshift({ keyid: 'ee'.repeat(32), sig: 'ab'.repeat(64) }),
    'unknown field beside': (file) => (file['extra'] = { a: [1] }),
    'unknown field in signature': (_file, [first]) => void (first !== undefined && (first['note'] = 'x')),
    'signed is null': (file) => (file['signed'] = null),
    'signatures is an object': (file) => (file['signatures'] = {}),
  }
  const name = pick(random, Object.keys(changes))
  repository.tamper(role, (file) => changes[name]?.(file, file['signatures'] as Loose[]))
  return `envelope ${role} ${name}`
}

const text = (value: LooseValue | undefined): string => (typeof value === 'string' ? value : '')

function changeBytes(repository: TestRepository, role: string, random: Random): string {
  const bytes = Buffer.from(repository.latest(role))
  const at = Math.floor(random() * bytes.length)
  const changes: Readonly<Record<string, () => Uint8Array>> = {
    'one bit': () => {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      return bytes
    },
    cut: () => bytes.subarray(0, at),
    'blank behind': () => Buffer.concat([bytes, Buffer.from(' \n')]),
    'letter behind': () => Buffer.concat([bytes, Buffer.from('x')]),
    'mark before': () => Buffer.concat([Buffer.from('\ufeff'), bytes]),
    'too long': () => Buffer.concat([bytes, Buffer.alloc(6_000_000, 32)]),
    nothing: () => new Uint8Array(),
    another: () => repository.latest(pick(random, [...repository.published.keys()])),
  }
  const name = pick(random, Object.keys(changes))
  repository.replaceLatest(role, changes[name]?.() ?? bytes)
  return `bytes ${role} ${name}`
}

/** What a publisher, or a thief of its keys, may do. */
function changeState(repository: TestRepository, role: string, random: Random): string {
  const top = ['root', 'timestamp', 'snapshot', 'targets'].includes(role)
  const changes: Readonly<Record<string, () => void>> = {
    'file gone': () => repository.published.set(role, (repository.published.get(role) ?? []).slice(0, -1)),
    'older file again': () =>
      repository.replaceLatest(role, repository.published.get(role)?.[0] ?? new Uint8Array()),
    'signed by a stranger': () => {
      const kept = repository.signers.get(role) ?? []
      repository.signers.set(role, [generateSigningKey('ed25519')])
      repository.replaceLatest(role, repository.sign(role))
      repository.signers.set(role, kept)
    },
    'versions start again': () => {
      repository.document(role)['version'] = 0
      repository.forget(role)
      for (const later of role === 'root'
        ? ['root']
        : [role, 'snapshot', 'timestamp'].slice(role === 'timestamp' ? 2 : role === 'snapshot' ? 1 : 0)) {
        repository.document(later)['version'] =
          later === role ? 1 : (repository.document(later)['version'] ?? 1)
        repository.publish(later)
      }
    },
    expired: () => {
      repository.expire(role, Date.now() - 1000)
      repository.publish(
        ...(role === 'root'
          ? ['root']
          : role === 'timestamp'
            ? [role]
            : role === 'snapshot'
              ? [role, 'timestamp']
              : [role, 'snapshot', 'timestamp']),
      )
      repository.expire(role, repository.safeExpiryMs)
    },
    'keys rotated': () => {
      if (!top || role === 'root') return
      repository.rotate(role, pick(random, ['ed25519', 'ecdsa-sha2-nistp256']))
      repository.publish('root', 'targets', 'snapshot', 'timestamp')
    },
    'keys named twice': () => {
      if (!top) return
      const [first] = repository.roleOf(role)['keyids'] as LooseValue[]
      repository.roleOf(role)['keyids'] = [first ?? '', first ?? '']
      repository.publish('root')
      repository.roleOf(role)['keyids'] = [first ?? '']
    },
    'threshold raised': () => {
      if (!top) return
      repository.roleOf(role)['threshold'] = 2
      repository.publish('root')
      repository.roleOf(role)['threshold'] = 1
    },
    'artifact swapped': () => {
      const path = pick(random, [...repository.artifacts.keys()])
      repository.artifacts.set(
        path,
        Buffer.from(pick(random, ['', 'short', 'of the right size?'.slice(0, 10)])),
      )
    },
  }
  const name = pick(random, Object.keys(changes))
  changes[name]?.()
  return `state ${role} ${name}`
}

function childOf(at: Loose | LooseValue[], name: string): LooseValue | undefined {
  return Array.isArray(at) ? at[Number(name)] : at[name]
}
