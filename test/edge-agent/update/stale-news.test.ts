/**
 * What the centre wants comes twice, late, and in any order, between restarts and lost links: the device never goes to an older
 * bundle for that, never runs half of one, and is at the newest once it was told of it.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareVersions } from '../../../rollout/version.ts'
import { MAX_RESTARTS } from '../../../rollout/install.ts'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { holdsWhole, signal, small, updateStage } from './stage.ts'

const at = updateStage()
const VERSIONS = ['1.0.0', '1.1.0', '1.2.0', '2.0.0'] as const
const FILES = new Map(VERSIONS.map((version, seed) => [version as string, small(seed + 1)]))
const hurried: Disk = { ...realDisk, sync: async () => await Promise.resolve() }

const News = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wanted' as const), version: fc.constantFrom(...VERSIONS) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restarted' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), after: fc.integer({ min: 0, max: 3 }) }),
  },
)

describe('desired states', () => {
  it('that are repeated and out of order never lead back, and lead to the newest', async () => {
    let device = 0
    await fc.assert(
      fc.asyncProperty(fc.array(News, { minLength: 1, maxLength: 12 }), async (news) => {
        device += 1
        const folder = `${at.folder}/device-${device}`
        const wanted = new Map(
          VERSIONS.map((version) => [version, at.centre.publish(FILES.get(version) ?? {}, { version })]),
        )
        let installer = await at.device({ folder }, hurried)
        let highest: string | null = null
        const look = async (): Promise<void> => {
          const active = await installer.active('models')
          if (active === null) return expect(highest).toBeNull()
          expect(await holdsWhole(active.dir, FILES.get(active.version) ?? {})).toBe(true)
          expect(compareVersions(active.version, highest ?? '0.0.0')).toBeGreaterThanOrEqual(0)
          highest = active.version
        }
        for (const one of news) {
          if (one.kind === 'cut') at.centre.cutAfter(one.after)
          else if (one.kind === 'wanted') {
            const desired = wanted.get(one.version)
            if (desired !== undefined) await installer.install(desired, signal)
          } else {
            at.centre.cutAfter(Infinity)
            installer = await at.device({ folder }, hurried)
            await installer.resume(signal)
          }
          await look()
        }
        at.centre.cutAfter(Infinity)
        const newest = wanted.get('2.0.0')
        if (newest !== undefined) await installer.install(newest, signal)
        await look()
        expect(highest).toBe('2.0.0')
      }),
      { numRuns: Number(process.env['RUNS'] ?? 12) },
    )
  })
})

describe('a bundle that ends its process', () => {
  const died = new Error('segmentation fault')

  it.each(['smoke', 'confirm', 'healthy'] as const)(
    'each time in %s is taken back without a network, parked, and left alone until an operator orders it',
    async (trial) => {
      await (await at.device({}, hurried)).install(at.centre.publish(small(1)), signal)
      const bad = at.centre.publish(small(3), { version: '1.1.0' })
      let starts = 0
      const start = async (): Promise<'ended' | 'lives'> => {
        const gone = new AbortController()
        const killing = async (dir: string): Promise<void> => {
          if (!(await holdsWhole(dir, small(3)))) return
          starts += 1
          gone.abort(died)
          await new Promise(() => undefined)
        }
        const device = await at.device({ trials: { [trial]: killing } }, hurried)
        try {
          await untilAborted(gone.signal, async () => {
            await device.resume(gone.signal)
            await device.install(bad, gone.signal)
          })
          return 'lives'
        } catch (thrown) {
          expect(thrown).toBe(died)
          return 'ended'
        }
      }
      let deaths = 0
      for (; (await start()) === 'ended'; deaths += 1) expect(deaths).toBeLessThan(2 * MAX_RESTARTS)
      expect(starts).toBeGreaterThan(0)
      const woken = await at.device({}, hurried)
      expect((await woken.active('models'))?.version).toBe('1.0.0')
      expect(await woken.report()).toMatchObject([{ state: 'parked', code: 'install_crash_loop' }])
      const before = at.centre.served.length
      expect((await woken.install(bad, signal)).kind).toBe('parked')
      expect(at.centre.served).toHaveLength(before)
      expect((await woken.install({ ...bad, offer: 1 }, signal)).kind).toBe('committed')
    },
  )
})

/** Ends with the signal, as the process would, even where the work hangs. */
async function untilAborted(aborted: AbortSignal, work: () => Promise<void>): Promise<void> {
  await Promise.race([
    work(),
    new Promise<never>((_resolve, reject) =>
      aborted.addEventListener('abort', () => reject(aborted.reason as Error), { once: true }),
    ),
  ])
}
