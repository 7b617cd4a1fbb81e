/** What people signed apart, handed in at a production centre: served where every device would take it, else refused by name. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { handInPerformer } from '../../../control-plane/release/repositories/hand-in.ts'
import { onlineKeyPerformer } from '../../../control-plane/release/repositories/online-key.ts'
import { dueDocuments, repositoryStates } from '../../../control-plane/release/repositories/overview.ts'
import { signed } from '../../../rollout/tuf/documents.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { UngatedEffect } from '../../../shared/kernel/admitted.ts'
import { newKeys, signedApart, type Apart } from '../../support/signed-apart.ts'

const van = parseDeviceId('van-1')
const signal = new AbortController().signal
const DAY_MS = 86_400_000

let apart: Apart
beforeEach(async () => {
  apart = await signedApart()
})
afterEach(async () => await apart.close())

async function bothRoots(): Promise<void> {
  for (const name of ['image', 'director'] as const) await apart.handIn(name, [await apart.nextRoot(name)])
}

function body(bytes: Uint8Array): JsonObject {
  return (JSON.parse(Buffer.from(bytes).toString()) as { signed: JsonObject }).signed
}

const problems = async () => (await repositoryStates(apart.parts)).map(({ problem }) => problem)

describe('a production centre', () => {
  it('serves nothing until both roots were handed in, and a release once two have signed that it exists', async () => {
    const speech = await apart.publish('speech', '1.0.0')
    apart.desired.set(van, [speech])
    expect(await apart.repositories.roots()).toBeNull()
    expect(await problems()).toEqual(['repository_missing', 'repository_missing'])
    await expect(dueDocuments(apart.parts)).rejects.toMatchObject({ code: 'repository_missing' })
    await bothRoots()
    expect(await problems()).toEqual([null, null])
    expect(await apart.repositories.listed([speech])).toEqual([])
    await expect((await apart.agreementOf(van)).refreshed(signal)).rejects.toMatchObject({
      code: 'tuf_unreachable',
    })
    const { serves } = await apart.handIn('image', await apart.signedDue())
    expect(serves).toEqual(['1.targets.json', '1.family-speech.json', '1.snapshot.json', 'timestamp.json'])
    expect(await apart.repositories.listed([speech])).toEqual([speech])
    await (
      await (await apart.agreementOf(van)).refreshed(signal)
    )(speech)

    const newer = await apart.publish('speech', '1.1.0')
    apart.desired.set(van, [newer])
    const judge = await (await apart.agreementOf(van)).refreshed(signal)
    await expect(judge(newer)).rejects.toMatchObject({ reason: 'not_listed' })
    expect((await dueDocuments(apart.parts)).map(({ name }) => name)).toEqual(['2.family-speech.json'])
    await apart.handIn('image', await apart.signedDue())
    await (
      await (await apart.agreementOf(van)).refreshed(signal)
    )(newer)
  })

  it('refuses what a device would refuse, by name, and stays as it was', async () => {
    await apart.publish('speech', '1.0.0')
    const development = await apart.nextRoot('image', { environment: 'development' })
    const image = await apart.nextRoot('image')
    const refused = async (
      code: string,
      files: readonly Uint8Array[],
      of: 'image' | 'director' = 'image',
    ) => {
      await expect(apart.handIn(of, files), code).rejects.toMatchObject({ code })
    }
    await refused('repository_wrong_audience', [development])
    await refused('repository_wrong_audience', [image], 'director')
    await refused('repository_unsigned', [signed(body(image), apart.people.root.slice(0, 1))])
    await refused('repository_expired', [
      await apart.nextRoot('image', { expiresMs: apart.stage.clock.nowMs() }),
    ])
    await refused('repository_wrong_version', [signed({ ...body(image), version: 2 }, apart.people.root)])
    await refused('repository_malformed', [Buffer.from('{}')])
    await refused('repository_malformed', [Buffer.from('no JSON')])
    expect(await problems()).toEqual(['repository_missing', 'repository_missing'])
    await bothRoots()
    await refused('repository_wrong_version', [
      signed({ ...body(image), expires: '2040-01-01T00:00:00Z' }, apart.people.root),
    ])

    const due = (await dueDocuments(apart.parts)).map(({ bytes }) => body(bytes))
    const by = (count: number, change: JsonObject = {}): Uint8Array[] =>
      due.map((document) => signed({ ...document, ...change }, apart.people.targets.slice(0, count)))
    await refused('repository_unsigned', by(1))
    await refused(
      'repository_unsigned',
      due.map((document) => signed(document, newKeys(3))),
    )
    await refused('repository_expired', by(2, { expires: '2001-01-01T00:00:00Z' }))
    await refused('repository_wrong_version', by(2, { version: 7 }))
    await refused('repository_not_offline', by(2), 'director')
    expect(await apart.repositories.metadata(van, 'image', 'timestamp.json')).toBeNull()
    await apart.handIn('image', by(2))
    await refused('repository_wrong_version', by(3))
  })

  it('takes no root that names online keys of somebody else, or has its own sign what exists', async () => {
    const strangers = { keys: newKeys(1), threshold: 1 }
    const plan = async (roles: object) => {
      const people = { keys: apart.people.root, threshold: 2 }
      const targets = { keys: apart.people.targets, threshold: 2 }
      const online = (role: 'snapshot' | 'timestamp') => ({
        keys: apart.parts.keys.held('image', role),
        threshold: 1,
      })
      const usual = { root: people, targets, snapshot: online('snapshot'), timestamp: online('timestamp') }
      return await apart.nextRoot('image', { roles: { ...usual, ...roles } })
    }
    await expect(apart.handIn('image', [await plan({ timestamp: strangers })])).rejects.toMatchObject({
      code: 'repository_online_key_missing',
    })
    const director = apart.parts.keys.held('director', 'targets')
    const mixed = { keys: [...apart.people.targets, ...director], threshold: 2 }
    await expect(apart.handIn('image', [await plan({ targets: mixed })])).rejects.toMatchObject({
      code: 'repository_not_offline',
    })
  })

  it('says what is to be signed again before it expires, and what has expired', async () => {
    await apart.publish('speech', '1.0.0')
    await bothRoots()
    await apart.handIn('image', await apart.signedDue())
    expect(await dueDocuments(apart.parts)).toEqual([])
    apart.stage.clock.advance(200 * DAY_MS)
    expect((await dueDocuments(apart.parts)).map(({ name }) => name)).toEqual([
      '2.targets.json',
      '2.family-speech.json',
    ])
    apart.stage.clock.advance(170 * DAY_MS)
    expect(await problems()).toEqual(['root_expired', 'root_expired'])
    await expect((await apart.agreementOf(van)).refreshed(signal)).rejects.toMatchObject({
      reason: 'expired',
    })
    await bothRoots()
    await apart.handIn('image', await apart.signedDue())
    expect(await problems()).toEqual([null, null])
    await (await apart.agreementOf(van)).refreshed(signal)
  })

  it('does all of that through the kernel alone', async () => {
    for (const performer of [handInPerformer(apart.parts, []), onlineKeyPerformer(apart.parts)])
      await expect(performer.perform({} as never, {} as never)).rejects.toThrow(UngatedEffect)
    const root = await apart.nextRoot('image')
    await apart.handIn('image', [root])
    expect(await apart.handIn('image', [root])).toMatchObject({ serves: [] })
    const [row] = await apart.stage.db.query<{ n: number }>(
      `select count(*) as n from journal.record where action = 'release.hand_in' and kind = 'intent'`,
    )
    expect(row?.n).toBe(2)
  })
})
