/** Every role of both repositories is rotated over the fabric's asks: devices follow root by root, never back, and recover. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { rootsOf } from '../../../control-plane/release/repositories/repositories.ts'
import { onlineRoles } from '../../../rollout/tuf/ceremony.ts'
import { bundleTargetPath } from '../../../rollout/tuf/agreement.ts'
import {
  metaOf,
  signed,
  snapshotDocument,
  targetOf,
  targetsDocument,
  timestampDocument,
} from '../../../rollout/tuf/documents.ts'
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import { readRoot } from '../../../rollout/tuf/metadata.ts'
import { parseDeviceId, type DeviceId } from '../../../shared/ids.ts'
import type { Ask } from '../../../shared/wire/answer.ts'
import type { RepositoryName } from '../../../shared/wire/repository.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { newKeys, signedApart, type Apart } from '../../support/signed-apart.ts'

const signal = new AbortController().signal
const DAY_MS = 86_400_000
/** The highest that the fabric's asks can name. */
const FAR = 999_999_999

let apart: Apart
let van: DeviceId
let speech: DesiredBundle
let devices = 0

beforeAll(async () => {
  apart = await signedApart()
  for (const name of ['image', 'director'] as const) await apart.handIn(name, [await apart.nextRoot(name)])
  speech = await apart.publish('speech', '1.0.0')
  await apart.handIn('image', await apart.signedDue())
})
beforeEach(async () => {
  devices += 1
  van = parseDeviceId(`van-${devices}`)
  apart.desired.set(van, [speech])
  await mayInstall()
})
afterAll(async () => await apart.close())

/** Brings the device up to date; throws where it may not install what is wished for. */
async function mayInstall(ask?: Ask): Promise<void> {
  const judge = await (await apart.agreementOf(van, ask)).refreshed(signal)
  await judge(speech)
}

const served = async (repository: RepositoryName): Promise<readonly Uint8Array[]> =>
  await rootsOf(apart.parts, apart.stage.db, repository)
const held = async (repository: RepositoryName): Promise<Buffer> =>
  await readFile(join(apart.heldBy(van), repository, 'root.json'))

/** New keys for a role, by a new root; what people have to sign for it is signed. */
async function rotate(repository: RepositoryName, role: 'root' | 'targets' | 'snapshot' | 'timestamp') {
  if (onlineRoles(repository).includes(role)) apart.parts.keys.renew(repository, role)
  else apart.people[role as 'root'] = newKeys(3)
  await apart.handIn(repository, [await apart.nextRoot(repository)])
  const due = repository === 'image' ? await apart.signedDue() : []
  if (due.length > 0) await apart.handIn('image', due)
}

const ROTATIONS = (['image', 'director'] as const).flatMap((repository) =>
  (['root', 'targets', 'snapshot', 'timestamp'] as const).map((role) => [role, repository] as const),
)

describe('a rotation', () => {
  it.each(ROTATIONS)('of the %s keys of the %s reaches a device', async (role, repository) => {
    const before = readRoot((await served(repository)).at(-1) ?? new Uint8Array()).content
    await rotate(repository, role)
    await mayInstall()
    const newest = (await served(repository)).at(-1) ?? new Uint8Array()
    expect(await held(repository)).toEqual(Buffer.from(newest))
    const { version, roles } = readRoot(newest).content
    expect(version).toBe(before.version + 1)
    expect(roles[role].keyIds).not.toEqual(before.roles[role].keyIds)
  })

  it('is followed through all of them at once by a device that was away, each root asked for once, byte for byte', async () => {
    const from = readRoot(await held('image')).content.version
    for (const [role, repository] of ROTATIONS) await rotate(repository, role)
    apart.stage.clock.advance(30 * DAY_MS)
    const asked: string[] = []
    await mayInstall(
      apart.askOf(van, (name, bytes) => {
        if (name.startsWith('image/') && name.endsWith('.root.json')) asked.push(name)
        return bytes
      }),
    )
    const { length } = await served('image')
    expect(asked).toEqual(
      Array.from({ length: length - from + 1 }, (_, index) => `image/${from + index + 1}.root.json`),
    )
    for (const repository of ['image', 'director'] as const)
      expect(await held(repository)).toEqual(Buffer.from((await served(repository)).at(-1) ?? ''))
  })

  it('is never taken back: old metadata under old keys counts no more, and a root that is left out stops the device', async () => {
    const old = new Map<string, Uint8Array | null>()
    const late = parseDeviceId(`late-${devices}`)
    apart.desired.set(late, [speech])
    await (await apart.agreementOf(late)).refreshed(signal)
    await mayInstall(
      apart.askOf(van, (name, bytes) => {
        old.set(name, bytes)
        return bytes
      }),
    )
    await rotate('director', 'timestamp')
    await rotate('director', 'timestamp')
    await mayInstall()
    const newest = await held('director')
    const replayed = apart.askOf(van, (name) => old.get(name) ?? null)
    await expect(mayInstall(replayed)).rejects.toMatchObject({ reason: 'unsigned' })
    expect(await held('director')).toEqual(newest)
    const last = readRoot(newest).content.version
    const skipping = apart.askOf(late, (name, bytes) =>
      name === `director/${last - 1}.root.json` ? newest : bytes,
    )
    await expect((await apart.agreementOf(late, skipping)).refreshed(signal)).rejects.toMatchObject({
      reason: 'wrong_version',
    })
  })

  it('that takes the keys of those who sign what exists lets devices wait until they have signed', async () => {
    apart.people.targets = newKeys(3)
    await apart.handIn('image', [await apart.nextRoot('image')])
    await expect(mayInstall()).rejects.toMatchObject({ reason: 'unsigned' })
    await apart.handIn('image', await apart.signedDue())
    await mayInstall()
  })
})

describe('a fast-forward', () => {
  const online = (repository: RepositoryName, role: 'targets' | 'snapshot' | 'timestamp') =>
    apart.parts.keys.held(repository, role).slice(-1)

  /** What a thief of the online keys serves: the right content under the highest versions. */
  async function forwarded(repository: RepositoryName): Promise<Ask> {
    const dates = { version: FAR, expiresMs: apart.stage.clock.nowMs() + DAY_MS }
    const [row] = await apart.stage.db.query<{ envelope: Uint8Array }>('select envelope from centre.bundle')
    const listing = { ...targetOf(row?.envelope ?? new Uint8Array()), custom: { device: van } }
    const path = bundleTargetPath(speech.name, speech.version)
    const files = new Map<string, Uint8Array>()
    const meta = new Map<string, ReturnType<typeof metaOf>>()
    if (repository === 'director') {
      const targets = signed(targetsDocument(dates, { [path]: listing }), online(repository, 'targets'))
      files.set(metadataName('targets', FAR), targets)
      meta.set('targets', metaOf(FAR, targets))
    } else {
      for (const role of ['targets', 'family-speech']) {
        const bytes = await readFile(join(apart.heldBy(van), 'image', `${role}.json`))
        const { version } = (JSON.parse(bytes.toString()) as { signed: { version: number } }).signed
        files.set(metadataName(role, version), bytes)
        meta.set(role, metaOf(version, bytes))
      }
    }
    const snapshot = signed(snapshotDocument(dates, meta), online(repository, 'snapshot'))
    files.set(metadataName('snapshot', FAR), snapshot)
    files.set(
      metadataName('timestamp', undefined),
      signed(timestampDocument(dates, metaOf(FAR, snapshot)), online(repository, 'timestamp')),
    )
    return apart.askOf(van, (name, bytes) =>
      name.startsWith(`${repository}/`) ? (files.get(name.slice(repository.length + 1)) ?? bytes) : bytes,
    )
  }

  it.each(['image', 'director'] as const)(
    'of the %s holds a device up, and a root with new keys frees it',
    async (repository) => {
      await mayInstall(await forwarded(repository))
      await expect(mayInstall()).rejects.toMatchObject({ reason: 'rollback' })
      for (const role of onlineRoles(repository)) apart.parts.keys.renew(repository, role)
      await apart.handIn(repository, [await apart.nextRoot(repository)])
      await mayInstall()
    },
  )
})
