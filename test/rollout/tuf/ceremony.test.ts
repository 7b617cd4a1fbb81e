import { describe, expect, it } from 'vitest'
import {
  assemble,
  prepareRoot,
  rehearseRoots,
  requiredForRoot,
  signDetached,
  type RootPlan,
} from '../../../rollout/tuf/ceremony.ts'
import type { Environment } from '../../../shared/kernel/contract.ts'
import { signed, targetOf, targetsDocument } from '../../../rollout/tuf/documents.ts'
import { readSnapshot, readTimestamp } from '../../../rollout/tuf/metadata.ts'
import { publication, type RepositoryFiles } from '../../../rollout/tuf/publication.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'

const DAY_MS = 86_400_000
const now = Date.now()
const keys = (count: number): SigningKey[] =>
  Array.from({ length: count }, () => generateSigningKey('ed25519'))
const five = keys(5)
const approvers = keys(3)
const [snapshot, timestamp] = [keys(1), keys(1)]

function plan(root = five, threshold = 3, environment: Environment = 'production'): RootPlan {
  return {
    environment,
    repository: 'image',
    expiresMs: now + 365 * DAY_MS,
    roles: {
      root: { keys: root, threshold },
      targets: { keys: approvers, threshold: 2 },
      snapshot: { keys: snapshot, threshold: 1 },
      timestamp: { keys: timestamp, threshold: 1 },
    },
  }
}

function rootOf(
  current: Uint8Array | undefined,
  given: RootPlan,
  signers: readonly SigningKey[],
): Uint8Array {
  const document = prepareRoot(current, given)
  return assemble(
    document,
    signers.map((key) => signDetached(document, key)),
    requiredForRoot(document, current),
  )
}

describe('a root', () => {
  it('is assembled by as many as its threshold asks for, and rehearsed from the first one on', () => {
    const first = rootOf(undefined, plan(), five.slice(0, 3))
    const others = keys(5)
    const second = rootOf(first, plan(others), [...five.slice(2), ...others.slice(0, 3)])
    const third = rootOf(second, plan(others, 2), others.slice(0, 3))
    expect(rehearseRoots(first, [first, second, third], now).version).toBe(3)
    expect(rehearseRoots(second, [first, second, third], now).version).toBe(3)
    expect(() => rehearseRoots(first, [first, third], now)).toThrow(TufRefused)
    expect(() => rehearseRoots(first, [first, second, third], now + 366 * DAY_MS)).toThrow(/expired/)
  })

  const first = rootOf(undefined, plan(), five.slice(0, 3))
  const document = prepareRoot(first, plan(keys(5)))
  const required = requiredForRoot(document, first)
  const by = (...who: readonly SigningKey[]) => who.map((key) => signDetached(document, key))

  it('is not assembled without its predecessor’s signers, or without its own', () => {
    expect(() => assemble(document, by(...five), required)).toThrow(/root 2 has 0 of the 3/)
    expect(() => rootOf(first, plan(five), five.slice(0, 2))).toThrow(/2 of the 3/)
  })

  it('takes no signature over another document, by a stranger, made twice, or wrong', () => {
    const [one] = by(...five)
    if (one === undefined) throw new Error('no signature')
    const stranger = generateSigningKey('ed25519')
    expect(() => assemble(document, [{ ...one, over: '00' }], required)).toThrow(/another document/)
    expect(() => assemble(document, [one, one], required)).toThrow(/signed twice/)
    expect(() => assemble(document, by(stranger), required)).toThrow(/none of its keys/)
    expect(() => assemble(document, [{ ...one, sig: '00'.repeat(64) }], required)).toThrow(/does not hold/)
  })

  it('for production needs two signers, and no online key among them', () => {
    expect(() => prepareRoot(undefined, plan(five, 1))).toThrow(/production asks for 2/)
    expect(() => prepareRoot(undefined, plan([...five, ...timestamp]))).toThrow(/also online/)
    expect(() => prepareRoot(undefined, plan(five, 6))).toThrow(/can never sign/)
    expect(() => prepareRoot(undefined, plan([...five, ...five]))).toThrow(/one key twice/)
    expect(() => prepareRoot(undefined, plan([...five, ...timestamp], 1, 'development'))).not.toThrow()
  })

  it('of development never follows one of production', () => {
    expect(() => prepareRoot(first, plan(five, 3, 'development'))).toThrow(/is for development/)
    const other = { ...prepareRoot(first, plan()), 'x-starling-environment': 'development' }
    const forged = signed(other, five)
    expect(() => rehearseRoots(first, [first, forged], now)).toThrow(/is for development/)
  })
})

describe('a publication', () => {
  const root = rootOf(undefined, plan(), five.slice(0, 3))
  const lives = { nowMs: now, snapshotMs: 7 * DAY_MS, timestampMs: DAY_MS }
  const online = { snapshot, timestamp }
  const targets = (
    version: number,
    signers: readonly SigningKey[],
    delegations: Parameters<typeof targetsDocument>[2] = [],
  ) =>
    signed(
      targetsDocument(
        { version, expiresMs: now + 90 * DAY_MS },
        { a: targetOf(Buffer.from('a')) },
        delegations,
      ),
      signers,
    )
  const files = (role: Uint8Array, before: Partial<RepositoryFiles> = {}): RepositoryFiles => ({
    root,
    roles: new Map([['targets', role]]),
    snapshot: undefined,
    timestamp: undefined,
    ...before,
  })

  it('raises the versions, and lists every role with its length and hash', () => {
    const one = publication(files(targets(1, approvers.slice(0, 2))), online, lives)
    expect(one.map(({ name }) => name)).toEqual(['1.targets.json', '1.snapshot.json', 'timestamp.json'])
    const [, firstSnapshot, firstTimestamp] = one.map(({ bytes }) => bytes)
    const two = publication(
      files(targets(2, approvers), { snapshot: firstSnapshot, timestamp: firstTimestamp }),
      online,
      lives,
    )
    expect(two.map(({ name }) => name)).toEqual(['2.targets.json', '2.snapshot.json', 'timestamp.json'])
    const [secondTargets, secondSnapshot, secondTimestamp] = two.map(({ bytes }) => bytes)
    expect(readTimestamp(secondTimestamp ?? root).content.version).toBe(2)
    expect(readSnapshot(secondSnapshot ?? root).content.meta.get('targets.json')).toMatchObject({
      version: 2,
      lengthBytes: secondTargets?.length,
    })
  })

  it('of what a device would refuse does not happen', () => {
    const good = targets(1, approvers)
    const one = publication(files(targets(2, approvers)), online, lives)
    const [, oldSnapshot, oldTimestamp] = one.map(({ bytes }) => bytes)
    const refused = (given: RepositoryFiles, by = online, at = lives): void => {
      expect(() => publication(given, by, at)).toThrow(TufRefused)
    }
    refused(files(targets(1, approvers.slice(0, 1))))
    refused(files(good), { snapshot: timestamp, timestamp })
    refused(files(good), { snapshot, timestamp: snapshot })
    refused(files(good, { snapshot: oldSnapshot, timestamp: oldTimestamp }))
    refused(files(good), online, { ...lives, nowMs: now + 91 * DAY_MS })
    refused(files(good), online, { ...lives, timestampMs: -1 })
    refused({
      ...files(good),
      roles: new Map([
        ['targets', good],
        ['nobody', good],
      ]),
    })
    refused({ ...files(good), roles: new Map() })
  })

  it('reaches delegated roles, each by the keys of its delegator', () => {
    const family = keys(1)
    const delegation = {
      name: 'speech',
      terminating: true,
      paths: ['bundles/speech/*'],
      keys: family,
      threshold: 1,
    }
    const top = targets(1, approvers, [delegation])
    const roles = (signers: readonly SigningKey[]) =>
      new Map([
        ['targets', top],
        ['speech', targets(1, signers)],
      ])
    expect(publication({ ...files(top), roles: roles(family) }, online, lives).length).toBe(4)
    expect(() => publication({ ...files(top), roles: roles(approvers) }, online, lives)).toThrow(
      /speech: signed by 0/,
    )
  })
})
