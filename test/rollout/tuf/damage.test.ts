/** Damage to each metadata file, a bit in every byte: it is refused, or it says the same as before. */
import { describe, expect, it } from 'vitest'
import type { Delegation } from '../../../rollout/tuf/delegations.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import {
  checkSnapshotFinal,
  openTrust,
  targetsDelegation,
  verifyTargets,
  withRoot,
  withSnapshot,
  withTimestamp,
  type Trust,
} from '../../../rollout/tuf/trust.ts'
import { seeded } from '../../../shared/seeded.ts'
import { TestRepository } from '../../support/tuf-repository.ts'

const random = seeded(5)
const repository = new TestRepository('ed25519')
const root = repository.latest('root')
repository.delegate('targets', 'A', { paths: ['a/*'] })
repository.addArtifact('A', 'a/x', Buffer.from('x'))
repository.publish('root', 'A', 'targets', 'snapshot', 'timestamp')

const started: Trust = openTrust(root, Date.now())
const timed = withTimestamp(started, repository.latest('timestamp'))
const snapped = withSnapshot(timed, repository.latest('snapshot'), 'fetched')
const [toA] = verifyTargets(
  snapped,
  targetsDelegation(snapped),
  repository.latest('targets'),
).delegations.covering('a/x')

const steps: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  root: (bytes) => withRoot(started, bytes),
  timestamp: (bytes) => withTimestamp(started, bytes),
  snapshot: (bytes) => {
    const next = withSnapshot(timed, bytes, 'fetched')
    checkSnapshotFinal(next)
  },
  targets: (bytes) => verifyTargets(snapped, targetsDelegation(snapped), bytes),
  A: (bytes) => verifyTargets(snapped, toA as Delegation, bytes),
}

/** What the signers said; their signatures may be written in capitals, say. */
function meaning(bytes: Uint8Array): string {
  const { signed } = JSON.parse(Buffer.from(bytes).toString()) as { signed: unknown }
  return JSON.stringify(signed)
}

describe.each(Object.keys(steps))('a flipped bit in %s', (role) => {
  it('never changes what is believed', () => {
    const good = repository.latest(role)
    expect(() => steps[role]?.(good)).not.toThrow()
    let refused = 0
    for (let at = 0; at < good.length; at += 1) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      try {
        steps[role]?.(bad)
        expect(meaning(bad)).toBe(meaning(good))
      } catch (thrown) {
        if (!(thrown instanceof TufRefused)) throw thrown
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(good.length / 2)
  })

  it('nor does a file that is cut short', () => {
    const good = repository.latest(role)
    for (let length = 0; length < good.length - 2; length += 7)
      expect(() => steps[role]?.(good.subarray(0, length))).toThrow(TufRefused)
  })
})
