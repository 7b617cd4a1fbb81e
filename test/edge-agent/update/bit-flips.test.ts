/**
 * One bit that turned, anywhere on a piece's way: in flight, where it waits for the rest, in the store, in the site's cache, in a slot.
 * Each is refused by name, and nothing of it ever runs. Deltas and TUF metadata have their own: test/rollout/delta and test/edge-agent/tuf.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ContentMismatch, openContentStore } from '../../../edge-agent/models-store/content-store.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { PieceShelf } from '../../../edge-agent/site/piece-shelf.ts'
import { measuredFile } from '../../../rollout/bundle/compose.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { pick, seeded } from '../../../shared/seeded.ts'
import { holdsWhole, NOW_MS, signal, small, updateStage } from './stage.ts'

/** Of each place where content lies; 10,000 together. */
const FLIPS = 2_500
const at = updateStage()
const random = seeded(20_261_121)
const content = Uint8Array.from({ length: 6_000 }, (_, place) => Math.imul(place, 2_654_435_761) >>> 24)
const name = measuredFile('piece', content)

/** The bytes with one bit turned, wherever `random` says. */
function flipped(bytes: Uint8Array): Uint8Array {
  const place = Math.floor(random() * bytes.length)
  const copy = Uint8Array.from(bytes)
  copy[place] = (copy[place] ?? 0) ^ (1 << Math.floor(random() * 8))
  return copy
}

describe('2,500 flipped bits each', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'starling-flips-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('in pieces on their way are refused, and leave nothing behind', async () => {
    const store = openContentStore(folder, realDisk)
    for (let flip = 0; flip < FLIPS; flip += 1)
      await expect(store.addChunk(name, 0, flipped(content))).rejects.toThrow(ContentMismatch)
    expect(await store.missing(name)).toEqual([0])
    await store.addChunk(name, 0, content)
    expect(readFileSync(await store.seal(name)).equals(content)).toBe(true)
  })

  it('in pieces that wait for the rest are asked for again, and never sealed', async () => {
    const store = openContentStore(folder, realDisk)
    await store.addChunk(name, 0, content)
    const part = join(folder, 'incoming', `${name.sha256}.part`)
    for (let flip = 0; flip < FLIPS; flip += 1) {
      writeFileSync(part, flipped(content))
      expect(await store.missing(name)).toEqual([0])
      if (flip % 50 === 0) await expect(store.seal(name)).rejects.toThrow(ContentMismatch)
    }
    expect(await store.find(name)).toBeNull()
  })

  it('in stored files are found when they are verified, and the file is forgotten', async () => {
    const store = openContentStore(folder, realDisk)
    const path = join(folder, 'objects', name.sha256.slice(0, 2), name.sha256)
    await mkdir(join(path, '..'), { recursive: true })
    for (let flip = 0; flip < FLIPS; flip += 1) {
      writeFileSync(path, flipped(content))
      await expect(store.verify(name)).rejects.toThrow(ContentMismatch)
      expect(await store.find(name)).toBeNull()
    }
  })

  it('in pieces of the site’s cache are never given away', async () => {
    const digest = sha256Hex(content)
    const shelf = await PieceShelf.open(folder, realDisk, 1_000_000)
    const path = join(folder, digest)
    for (let flip = 0; flip < FLIPS; flip += 1) {
      if (flip % 100 === 0) await shelf.keep(digest, content)
      writeFileSync(path, flipped(content))
      expect(await shelf.find(digest)).toBeNull()
    }
    await shelf.keep(digest, content)
    expect(await shelf.find(digest)).toEqual(Buffer.from(content))
  })
})

describe('a flipped bit on a device', () => {
  const [one, two] = [small(1), small(3)]
  const versions = { '1.0.0': one, '1.1.0': two }

  it('in anything that the centre sends is refused by name; what runs goes on, and the right bytes are taken', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    // Of one piece, so that what was damaged is always what is asked for.
    const model = two['speech/model.onnx'].subarray(0, 90_000)
    const desired = at.centre.publish({ ...two, 'speech/model.onnx': model }, { version: '1.1.0' })
    const sent = [desired.envelopeSha256, sha256Hex(model)]
    for (let flip = 0; flip < 12; flip += 1) {
      const sha256 = pick(sent, random)
      const right = at.centre.contents.get(sha256) ?? new Uint8Array()
      at.centre.contents.set(sha256, flipped(right))
      const offer = { ...desired, offer: flip + 1 }
      const installer = await at.device()
      expect(await installer.install(offer, signal)).toMatchObject({
        kind: 'refused',
        code: sha256 === desired.envelopeSha256 ? 'manifest_not_as_named' : 'content_mismatch',
      })
      expect((await installer.active('models'))?.version).toBe('1.0.0')
      at.centre.contents.set(sha256, right)
    }
    const taken = await (await at.device()).install({ ...desired, offer: 99 }, signal)
    expect(taken.kind).toBe('committed')
  })

  it('in what runs is found at the next start: it is left by name, and fetched again, what is damaged alone', async () => {
    const desired = at.centre.publish(one)
    await (await at.device()).install(desired, signal)
    const damages: string[] = []
    for (let flip = 0; flip < 8; flip += 1) {
      const dir = (await (await at.device()).active('models'))?.dir ?? ''
      const path = join(
        dir,
        pick(['speech/model.onnx', 'intent/model.onnx', 'manifest.dsse.json', 'golden.json'], random),
      )
      writeFileSync(path, flipped(readFileSync(path)))
      const installer = await at.device({ onDamaged: ({ code }) => void damages.push(code) })
      await installer.resume(signal)
      expect(await installer.active('models'), path).toBeNull()
      expect(await installer.report()).toMatchObject([{ state: 'refused', code: 'slot_damaged' }])
      at.centre.served.length = 0
      expect((await installer.install({ ...desired, offer: flip + 1 }, signal)).kind).toBe('committed')
      // The manifest, and at most the two pieces of the file.
      expect(at.centre.served.length).toBeLessThanOrEqual(3)
      expect(await holdsWhole((await installer.active('models'))?.dir ?? '', one)).toBe(true)
    }
    expect(damages).toEqual(damages.map(() => 'slot_damaged'))
  })

  it('in a slot that waits to be activated, or in what was just activated, never comes to run for good', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    for (const trial of ['smoke', 'healthy'] as const) {
      const version = trial === 'smoke' ? '1.1.0' : '1.2.0'
      const gone = new AbortController()
      const dying = await at.device({
        trials: {
          [trial]: async (dir: string) => {
            const path = join(dir, 'speech/model.onnx')
            writeFileSync(path, flipped(readFileSync(path)))
            if (trial === 'healthy') gone.abort(new Error('power'))
            await Promise.resolve(gone.signal.throwIfAborted())
          },
        },
      })
      const desired = at.centre.publish(two, { version })
      const outcome = dying.install(desired, gone.signal)
      if (trial === 'smoke') expect(await outcome).toMatchObject({ step: 'ACTIVATE', code: 'slot_damaged' })
      else await expect(outcome).rejects.toThrow('power')
      const woken = await at.device()
      await woken.resume(signal)
      const active = await woken.active('models')
      expect(active?.version).toBe('1.0.0')
      expect(await holdsWhole(active?.dir ?? '', versions['1.0.0'])).toBe(true)
    }
  })

  it('in the manifest that was checked is no verdict on the bundle: it is fetched again', async () => {
    const desired = at.centre.publish(one)
    at.centre.cutAfter(2)
    expect((await (await at.device()).install(desired, signal)).kind).toBe('deferred')
    const [envelope = ''] = await readdir(join(at.folder, 'envelopes'))
    const path = join(at.folder, 'envelopes', envelope)
    writeFileSync(path, flipped(readFileSync(path)))
    at.centre.cutAfter(Infinity)
    expect(await (await at.device()).install(desired, signal)).toMatchObject({ code: 'envelope_lost' })
    expect((await (await at.device()).install(desired, signal)).kind).toBe('committed')
  })

  it('in the pointer, the journal or the plan runs nothing that was not committed, and the install comes to its end', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    at.centre.offerDelta(one['speech/model.onnx'], two['speech/model.onnx'])
    const desired = at.centre.publish(two, { version: '1.1.0' })
    const gone = new AbortController()
    const smoke = async (): Promise<void> => {
      gone.abort(new Error('power'))
      await Promise.reject(gone.signal.reason as Error)
    }
    await (await at.device({ trials: { smoke } })).install(desired, gone.signal).catch(() => undefined)
    const places = [
      join(at.folder, 'slots', 'models', 'active.json'),
      join(at.folder, 'installs', 'models.json'),
      join(at.folder, 'plans', `${desired.envelopeSha256}.json`),
    ]
    const kept = places.map((path) => readFileSync(path))
    for (let flip = 0; flip < 30; flip += 1) {
      for (const [place, path] of places.entries()) writeFileSync(path, kept[place] ?? '')
      const path = pick(places, random)
      writeFileSync(path, flipped(readFileSync(path)))
      const installer = await at.device({ clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 } })
      await installer.resume(signal)
      const active = await installer.active('models')
      if (active === null) continue
      expect(Object.keys(versions), path).toContain(active.version)
      expect(await holdsWhole(active.dir, active.version === '1.0.0' ? one : two), path).toBe(true)
    }
    for (let round = 0; round < 3; round += 1)
      await (await at.device()).install({ ...desired, offer: 7 }, signal)
    expect((await (await at.device()).active('models'))?.version).toBe('1.1.0')
  })
})
