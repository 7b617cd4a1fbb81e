/**
 * Attacks through the whole way that a bundle takes to a device: its real installer and agreement, at a production centre. After
 * each the device runs exactly what it ran, or exactly what people signed, every byte of it held against its manifest.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Ask } from '../../../shared/wire/answer.ts'
import { METADATA_PIECE_BYTES } from '../../../shared/wire/repository.ts'
import { one } from '../../edge-agent/update/stage.ts'
import { type Between } from './whole-device.ts'
import { attackScene } from './attack-scene.ts'

const DAY_MS = 86_400_000

const scene = attackScene('attacks')

describe('somebody on the way, without any key,', () => {
  it('cannot flip a bit of any file so that something else is installed', async () => {
    const files = await scene.cleanLook()
    expect([...files.keys()].filter((name) => name.startsWith('image/')).length).toBeGreaterThan(3)
    let held = ''
    // All is fetched anew but the roots: what a device holds already is not asked for.
    const start = async (): Promise<void> => {
      held = `${scene.apart.heldBy(scene.van)}-before`
      await cp(scene.apart.heldBy(scene.van), held, { recursive: true })
      for (const repository of ['image', 'director'])
        for (const file of await readdir(join(held, repository)))
          if (file !== 'root.json') await rm(join(held, repository, file), { recursive: true })
    }
    const again = async (): Promise<void> => {
      await rm(scene.apart.heldBy(scene.van), { recursive: true })
      await cp(held, scene.apart.heldBy(scene.van), { recursive: true })
    }
    await start()
    let [tried, harmless] = [0, 0]
    for (const [file, bytes] of files)
      for (let place = 0; place < bytes.length; place += 131) {
        await again()
        const flipped = Uint8Array.from(bytes)
        flipped[place] = (flipped[place] ?? 0) ^ (1 << (place % 8))
        let isAsked = false
        const { reported } = await scene.device.round([scene.next], {
          metadata: (name, is) => {
            if (name !== file) return is
            isAsked = true
            return flipped
          },
        })
        expect(isAsked, file).toBe(true)
        tried += 1
        const version = await scene.device.version('models')
        if (version === '1.1.0') {
          // What people signed, byte for byte: a hex digit of a signature says the same in either case.
          const [is, was] = [flipped, bytes].map((all) => String.fromCharCode(all[place] ?? 0))
          expect(is?.toLowerCase(), `${file} at ${place}`).toBe(was?.toLowerCase())
          expect(was, `${file} at ${place}`).toMatch(/^[a-f]$/i)
          harmless += 1
          await scene.newDevice()
          await start()
          continue
        }
        expect(version, `${file} at ${place}`).toBe('1.0.0')
        expect(reported[0]?.code, `${file} at ${place}`).toMatch(/^tuf_/)
      }
    expect(harmless).toBeLessThan(tried / 4)
    expect(tried).toBeGreaterThan(40)
    await scene.comesThrough()
  })

  it('cannot mix files of two states', async () => {
    const now = await scene.cleanLook()
    const newest = await scene.released(one, '1.2.0')
    await scene.apart.handIn('image', await scene.apart.signedDue())
    scene.apart.desired.set(scene.van, [newest])
    const later = await scene.cleanLook(newest)
    for (const kind of ['.snapshot.json', '.family-models.json']) {
      const of = (files: ReadonlyMap<string, Uint8Array>): string =>
        [...files.keys()].find((name) => name.startsWith('image/') && name.endsWith(kind)) ?? 'none'
      expect(of(now)).not.toBe('none')
      expect([of(now), 'none']).not.toContain(of(later))
      const older = now.get(of(now)) ?? null
      await scene.isHeldOff(
        { metadata: (name, is) => (name === of(later) ? older : is) },
        'tuf_wrong_bytes',
        [newest],
      )
    }
  })

  it('cannot keep the device at what was, nor take it back', async () => {
    const frozen = await scene.cleanLook()
    await scene.device.round([], {})
    scene.apart.stage.clock.advance(3 * DAY_MS)
    const replay: Between = { metadata: (name) => frozen.get(name) ?? null }
    await scene.isHeldOff(replay, 'tuf_expired')
    await scene.comesThrough()
    await scene.released(one, '1.0.1')
    const { reported } = await scene.device.round([scene.old], replay)
    expect(reported[0]?.code).toMatch(/^tuf_/)
    expect(await scene.device.version('models')).toBe('1.1.0')
  })

  it('cannot send without an end, at a crawl, or less than is listed', async () => {
    let pieces = 0
    let held = 0
    for (const kind of ['.root', 'timestamp', '.snapshot', '.targets', '.family-models'])
      for (const repository of ['image', 'director'] as const) {
        await scene.newDevice()
        const endless: Between = {
          metadata: (name, is) => {
            if (!name.startsWith(`${repository}/`) || !name.includes(kind)) return is
            pieces += 1
            return Buffer.concat([is ?? Buffer.alloc(0), Buffer.alloc(METADATA_PIECE_BYTES * 30, 32)])
          },
        }
        const before = pieces
        const { reported } = await scene.device.round([scene.next], endless)
        // Bytes that are held with their hash are not asked for.
        if (pieces === before) continue
        held += 1
        expect([reported[0]?.state, reported[0]?.code], `${repository} ${kind}`).toEqual([
          'deferred',
          'tuf_unreachable',
        ])
        expect(await scene.device.version('models')).toBe('1.0.0')
      }
    expect(held).toBeGreaterThanOrEqual(6)
    expect(pieces).toBeLessThan(held * 4)
    await scene.newDevice()
    const late = new AbortController()
    const crawl =
      (real: Ask): Ask =>
      async (verb, request, signal) => {
        if (verb !== 'repository.metadata') return await real(verb, request, signal)
        late.abort(new Error('the alarm'))
        return await new Promise((_resolve, reject) => {
          if (signal.aborted) reject(signal.reason as Error)
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      }
    const { hindrances, reported } = await scene.device.round([scene.next], {
      ask: crawl,
      alarm: () => late.signal,
    })
    expect([hindrances.length, reported[0]?.state, reported[0]?.code]).toEqual([
      1,
      'deferred',
      'tuf_unreachable',
    ])
    const short: Between = {
      metadata: (name, is) => (name.includes('timestamp') ? (is?.subarray(1) ?? null) : is),
    }
    await scene.isHeldOff(short, 'tuf_malformed')
    await scene.comesThrough()
  })

  it('cannot give other content than what was signed, longer or shorter', async () => {
    const changes: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
      (bytes) => bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte)),
      (bytes) => bytes.subarray(1),
      (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
    ]
    for (const [offer, change] of changes.entries()) {
      scene.source = async (verb, request, signal) => {
        const bytes = await scene.content.ask(verb, request, signal)
        return verb === 'bundle.chunk' ? change(bytes) : bytes
      }
      const { hindrances } = await scene.device.round([{ ...scene.next, offer }])
      scene.source = scene.content.ask
      expect(hindrances).toHaveLength(1)
      expect(await scene.device.version('models')).toBe('1.0.0')
    }
    await scene.device.round([{ ...scene.next, offer: 9 }])
    expect(await scene.device.version('models')).toBe('1.1.0')
  })
})

it('what the disk changed of a device’s trust is fetched anew, or mended from its copy; nothing else is ever installed', async () => {
  const before = `${scene.apart.heldBy(scene.van)}-before`
  await scene.device.round([])
  const files = (await readdir(scene.apart.heldBy(scene.van), { recursive: true })).filter((name) =>
    name.endsWith('.json'),
  )
  expect(files.length).toBeGreaterThan(8)
  await cp(scene.apart.heldBy(scene.van), before, { recursive: true })
  for (const file of files) {
    const bytes = await readFile(join(before, file))
    for (const place of [0, bytes.length >> 1, bytes.length - 5]) {
      await rm(scene.apart.heldBy(scene.van), { recursive: true })
      await cp(before, scene.apart.heldBy(scene.van), { recursive: true })
      const flipped = Uint8Array.from(bytes)
      flipped[place] = (flipped[place] ?? 0) ^ 2
      await writeFile(join(scene.apart.heldBy(scene.van), file), flipped)
      const judge = await (await scene.apart.agreementOf(scene.van)).refreshed(new AbortController().signal)
      await expect(judge(scene.next), `${file} at ${place}`).resolves.toBeUndefined()
      await expect(judge({ ...scene.next, envelopeSha256: 'f'.repeat(64) })).rejects.toMatchObject({
        code: 'tuf_refused',
      })
    }
  }
  await scene.comesThrough()
})
