/** Agents on one leaf: a piece crosses the link once, and a cache that lies costs a detour and nothing else. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/digest.ts'
import { answerBytes } from '../../shared/wire/answer.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import { dataFolder } from '../support/data-folder.ts'
import { openSite, type Site } from './site.ts'

const model = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 1_500_000 }, (_, at) => (Math.imul(at + seed, 2_654_435_761) >>> 13) & 0xff)

let folder: Awaited<ReturnType<typeof dataFolder>>
let site: Site
beforeAll(async () => {
  folder = await dataFolder('site')
  site = await openSite(folder.path, 4)
}, 60_000)
afterAll(async () => {
  await site.close()
  await folder.remove()
})

async function all(version: string, bytes: Uint8Array): Promise<number> {
  const bundle = await site.release({ 'model.onnx': bytes }, version)
  const before = site.link.bytes().down
  const outcomes = await Promise.all(site.agents.map(async (agent) => await agent.take(bundle)))
  expect(outcomes.map(({ kind }) => kind)).toEqual(site.agents.map(() => 'committed'))
  for (const { installer } of site.agents) {
    const active = await installer.active('models')
    expect((await readFile(join(active?.dir ?? '', 'model.onnx'))).equals(bytes)).toBe(true)
  }
  return site.link.bytes().down - before
}

it('fetch a file once over the link, however many of them ask at the same time', async () => {
  const moved = await all('1.0.0', model(1))
  expect(moved).toBeGreaterThan(1_500_000)
  expect(moved).toBeLessThan(1.2 * 1_500_000)
  expect(site.agents.flatMap(({ poisoned }) => poisoned)).toEqual([])
})

it('take a piece that was damaged in the cache for none, and fetch it again', async () => {
  const bundle = await site.release({ 'model.onnx': model(2) }, '1.1.0')
  await site.agents[0]?.take(bundle)
  for (const name of await readdir(site.cacheFolder))
    await writeFile(join(site.cacheFolder, name), 'something else')
  expect((await site.agents[1]?.take(bundle))?.kind).toBe('committed')
  const active = await site.agents[1]?.installer.active('models')
  const bytes = await readFile(join(active?.dir ?? '', 'model.onnx'))
  expect(sha256Hex(bytes)).toBe(sha256Hex(model(2)))
})

it('go to the centre, and say why, where somebody on the leaf answers with other bytes', async () => {
  const [, liar, victim] = site.agents
  if (liar === undefined || victim === undefined) throw new Error('there are four agents')
  const lying = liar.connection.subscribe(subjects.sitePieces, {
    callback: (_error, message) => void message.respond(answerBytes(new Uint8Array(262_144))),
  })
  await liar.connection.flush()
  const bundle = await site.release({ 'model.onnx': model(3) }, '1.2.0')
  expect((await victim.take(bundle)).kind).toBe('committed')
  expect(victim.poisoned.join()).toContain('is not what the manifest names')
  lying.unsubscribe()
})

it('hear nothing of the site’s asks beyond the leaf', async () => {
  const before = site.link.bytes().up
  const payload = new TextEncoder().encode('x'.repeat(200_000))
  for (const { device, connection } of site.agents) {
    connection.publish(subjects.sitePiece(device), payload)
    await connection.flush()
  }
  expect(site.link.bytes().up - before).toBeLessThan(200_000)
})
