import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CONFIRM_WITHIN_MS, MAX_RESTARTS } from '../../../rollout/install.ts'
import { NOW_MS, one, signal, two, updateStage } from './stage.ts'

const at = updateStage()

describe("the dead man's hand", () => {
  const hung = async (): Promise<void> => await new Promise(() => undefined)
  const alarms = (): { readonly alarm: () => AbortSignal; readonly ring: () => void } => {
    const controller = new AbortController()
    return { alarm: () => controller.signal, ring: () => controller.abort(new Error('time')) }
  }

  it('commits nothing before the device says that it works, and goes back from one that hangs', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    for (const trial of ['confirm', 'healthy'] as const) {
      const { alarm, ring } = alarms()
      let reach: () => void = () => undefined
      const reached = new Promise<void>((resolve) => {
        reach = resolve
      })
      const stuck = async (): Promise<void> => {
        reach()
        await hung()
      }
      const installer = await at.device({ alarm, trials: { [trial]: stuck } })
      const outcome = installer.install(
        at.centre.publish(two, { version: trial === 'confirm' ? '2.0.0' : '2.0.1' }),
        signal,
      )
      await reached
      expect((await installer.slots.pointer('models'))?.committed).toBe(false)
      ring()
      expect(await outcome).toMatchObject({ step: 'CONFIRM', code: 'confirmation_overdue' })
      expect((await installer.active('models'))?.version).toBe('1.0.0')
      expect((await installer.slots.pointer('models'))?.committed).toBe(true)
    }
  })

  it('goes back without a network when the device comes up after the deadline', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const gone = new AbortController()
    const dying = await at.device({
      trials: {
        healthy: async () => {
          gone.abort(new Error('power'))
          await hung()
        },
      },
    })
    await expect(dying.install(at.centre.publish(two, { version: '2.0.0' }), gone.signal)).rejects.toThrow(
      'power',
    )
    at.centre.cutAfter(0)
    const nowMs = (): number => NOW_MS + CONFIRM_WITHIN_MS
    const woken = await at.device({ clock: { nowMs, monotonicMs: () => 0 } })
    expect((await woken.active('models'))?.version).toBe('2.0.0')
    await woken.resume(signal)
    expect((await woken.active('models'))?.version).toBe('1.0.0')
    expect(await woken.report()).toMatchObject([{ state: 'refused', code: 'confirmation_overdue' }])
  })

  it('lets the process serve after a restart in time, and takes its word in a later round', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const gone = new AbortController()
    const dying = await at.device({
      trials: {
        healthy: async () => {
          gone.abort(new Error('power'))
          await hung()
        },
      },
    })
    await expect(dying.install(at.centre.publish(two, { version: '2.0.0' }), gone.signal)).rejects.toThrow(
      'power',
    )
    let asked = 0
    const woken = await at.device({
      trials: {
        healthy: async () => {
          asked += 1
          await Promise.resolve()
        },
      },
    })
    await woken.resume(signal)
    expect(asked).toBe(0)
    expect((await woken.slots.pointer('models'))?.committed).toBe(false)
    await woken.tend(signal)
    expect(asked).toBe(1)
    expect((await woken.slots.pointer('models'))?.committed).toBe(true)
  })

  it('parks a bundle that ends the process each time it serves', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const bad = at.centre.publish(two, { version: '2.0.0' })
    for (let start = 0; start < MAX_RESTARTS + 1; start += 1) {
      const gone = new AbortController()
      const dying = await at.device({
        trials: {
          healthy: async () => {
            gone.abort(new Error('segfault'))
            await hung()
          },
        },
      })
      await dying.resume(signal)
      await expect(dying.install(bad, gone.signal)).rejects.toThrow('segfault')
    }
    const woken = await at.device()
    await woken.resume(signal)
    expect((await woken.active('models'))?.version).toBe('1.0.0')
    expect((await woken.install(bad, signal)).kind).toBe('parked')
  })

  it('goes back from a slot that nobody confirmed when the journal was lost', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const gone = new AbortController()
    const dying = await at.device({
      trials: {
        healthy: async () => {
          gone.abort(new Error('power'))
          await hung()
        },
      },
    })
    await expect(dying.install(at.centre.publish(two, { version: '2.0.0' }), gone.signal)).rejects.toThrow(
      'power',
    )
    await writeFile(join(at.folder, 'installs', 'models.json'), 'torn')
    const woken = await at.device()
    await woken.resume(signal)
    expect((await woken.active('models'))?.version).toBe('1.0.0')
    expect(await woken.report()).toMatchObject([{ code: 'install_journal_lost' }])
  })

  it('reads the journal of the form before it', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const desired = at.centre.publish(two, { version: '2.0.0' })
    const install = { ...desired, slot: 'b' }
    await writeFile(
      join(at.folder, 'installs', 'models.json'),
      JSON.stringify({
        v: 1,
        state: { kind: 'DEFERRED', install, step: 'CHECK', reason: 'x' },
        refused: null,
      }),
    )
    const installer = await at.device()
    expect(await installer.report()).toMatchObject([{ state: 'deferred', version: '2.0.0' }])
    expect((await installer.install(desired, signal)).kind).toBe('committed')
    expect((await installer.active('models'))?.version).toBe('2.0.0')
  })
})
