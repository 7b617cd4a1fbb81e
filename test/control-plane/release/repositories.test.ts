/** The centre's two repositories, read by the device's own client over the asks that it would send. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CENTRE_SCHEMA } from '../../../control-plane/centre-schema.ts'
import { readContentPerformer, openContentRights } from '../../../control-plane/release/content-rights.ts'
import { DELTA_SCHEMA, keepDelta } from '../../../control-plane/release/delta-store.ts'
import { openDevelopmentKeys } from '../../../control-plane/release/repositories/development-keys.ts'
import {
  openRepositories,
  signPerformer,
  type Repositories,
  type RepositoryParts,
} from '../../../control-plane/release/repositories/repositories.ts'
import { REPOSITORY_SCHEMA, servedFiles } from '../../../control-plane/release/repositories/store.ts'
import { openAgreement, type Agreement } from '../../../edge-agent/update/agreement.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { readRoot } from '../../../rollout/tuf/metadata.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import { UngatedEffect } from '../../../shared/kernel/admitted.ts'
import { AskRefused, decodeJson, type Ask } from '../../../shared/wire/answer.ts'
import { METADATA_PIECE_BYTES, MetadataRequestSchema } from '../../../shared/wire/repository.ts'
import type { WireDeltaOffer } from '../../../shared/wire/delta.ts'
import type { DesiredBundle } from '../../../shared/wire/state.ts'
import { governed, type Governed } from '../../support/governed.ts'

const van = parseDeviceId('van-1')
const pump = parseDeviceId('pump-1')
const signal = new AbortController().signal
const DAY_MS = 86_400_000
const MODEL = 'a'.repeat(64)

let stage: Governed
let desired: Map<string, DesiredBundle[]>
let repositories: Repositories
let parts: RepositoryParts

beforeAll(async () => {
  stage = await governed({ origin: 'centre' })
  await stage.db.script(CENTRE_SCHEMA)
  await stage.db.script(REPOSITORY_SCHEMA)
  await stage.db.script(DELTA_SCHEMA)
})
beforeEach(async () => {
  await stage.db.script('delete from centre.bundle; delete from centre.metadata;')
  await rm(join(stage.folder, 'held'), { recursive: true, force: true })
  desired = new Map()
  parts = {
    db: stage.db,
    kernel: stage.kernel,
    clock: stage.clock,
    environment: 'development',
    keys: openDevelopmentKeys(stage.folder, stage.clock.nowMs()),
    desired: async (_sql, device) => await Promise.resolve(desired.get(device) ?? []),
  }
  repositories = openRepositories(parts)
})
afterAll(async () => await stage.close())

async function published(name: string, version: string, model = MODEL): Promise<DesiredBundle> {
  const envelope = new TextEncoder().encode(`${name} ${version} as it was signed`)
  const manifest = { files: [{ path: 'model.onnx', sha256: model }] }
  const envelopeSha256 = sha256Hex(envelope)
  await stage.db.query(
    `insert into centre.bundle (name, version, envelope_sha256, envelope, manifest, published_at)
     values ($1, $2, $3, $4, $5::text::jsonb, now())`,
    [name, version, envelopeSha256, envelope, JSON.stringify(manifest)],
  )
  return { name, version, envelopeSha256, envelopeSizeBytes: envelope.length }
}

/** What the centre answers to a device; `change` is somebody on the way. */
function askOf(
  device: typeof van,
  change: (name: string, bytes: Uint8Array) => Uint8Array = (_name, bytes) => bytes,
): Ask {
  return async (_verb, request) => {
    const { repository, name, index } = decodeJson(MetadataRequestSchema, request)
    const bytes = await repositories.metadata(device, repository, name)
    if (bytes === null)
      throw new AskRefused({ code: 'metadata_absent', message: 'no such file', remedy: 'None.' })
    return change(`${repository}/${name}`, bytes).subarray(
      index * METADATA_PIECE_BYTES,
      (index + 1) * METADATA_PIECE_BYTES,
    )
  }
}

async function agreementOf(device: typeof van, ask: Ask = askOf(device)): Promise<Agreement> {
  const folder = join(stage.folder, 'held', device)
  const roots = await repositories.roots()
  const environment = 'development'
  return openAgreement({ folder, disk: realDisk, ask, clock: stage.clock, device, environment, roots })
}

describe('the repositories of an installation for development', () => {
  it('have roots of three of five, targets of two of three, keys that nobody else reads, and are made once', async () => {
    const { mode } = await stat(join(stage.folder, 'repositories.json'))
    expect(mode & 0o777).toBe(0o600)
    const root = readRoot(parts.keys.firstRoots?.image ?? new Uint8Array()).content
    expect([root.roles.root.threshold, root.roles.root.keyIds.length]).toEqual([3, 5])
    expect([root.roles.targets.threshold, root.roles.targets.keyIds.length]).toEqual([2, 3])
    const again = openDevelopmentKeys(stage.folder, stage.clock.nowMs())
    expect(again.firstRoots).toEqual(parts.keys.firstRoots)
    const director = readRoot(again.firstRoots?.director ?? new Uint8Array()).content.roles
    expect(director.targets.keyIds).not.toEqual(root.roles.targets.keyIds)
  })

  it('let a device install what both name for it, and nothing else', async () => {
    const speech = await published('speech', '1.0.0')
    const other = await published('intent', '1.0.0')
    desired.set(van, [speech])
    const judge = await (await agreementOf(van)).refreshed(signal)
    await expect(judge(speech)).resolves.toBeUndefined()
    await expect(judge(other)).rejects.toMatchObject({ reason: 'not_listed' })
    await expect(judge({ ...speech, envelopeSha256: 'f'.repeat(64) })).rejects.toMatchObject({
      reason: 'disagreement',
    })
  })

  it('do not serve one device what was signed for another', async () => {
    const speech = await published('speech', '1.0.0')
    desired.set(van, [speech])
    desired.set(pump, [speech])
    const stolen = await (await agreementOf(van, askOf(pump))).refreshed(signal)
    await expect(stolen(speech)).rejects.toMatchObject({ reason: 'disagreement' })
  })

  it('say a way back only where it was signed', async () => {
    const speech = await published('speech', '1.0.0')
    const back = { ...speech, returnFrom: 'e'.repeat(64) }
    desired.set(van, [back])
    const judge = await (await agreementOf(van)).refreshed(signal)
    await expect(judge(back)).resolves.toBeUndefined()
    await expect(judge(speech)).rejects.toMatchObject({ reason: 'disagreement' })
    await expect(judge({ ...speech, returnFrom: 'd'.repeat(64) })).rejects.toMatchObject({
      reason: 'disagreement',
    })
  })

  it('sign only what changed, each version above the one before, over a restart of the centre too', async () => {
    const speech = await published('speech', '1.0.0')
    desired.set(van, [speech])
    await (await agreementOf(van)).refreshed(signal)
    const [first] = await versions(van)
    await (await agreementOf(van)).refreshed(signal)
    expect(await versions(van)).toEqual([first, first, first])
    const newer = await published('speech', '1.1.0')
    desired.set(van, [newer])
    repositories = openRepositories(parts)
    const judge = await (await agreementOf(van)).refreshed(signal)
    await judge(newer)
    await expect(judge(speech)).rejects.toMatchObject({ reason: 'not_listed' })
    expect(await versions(van)).toEqual([2, 2, 2])
    expect(await versions(pump)).toEqual([null, null, null])
  })

  it('are signed anew before they expire, and what nobody renewed is refused', async () => {
    const speech = await published('speech', '1.0.0')
    desired.set(van, [speech])
    await (await agreementOf(van)).refreshed(signal)
    stage.clock.advance(DAY_MS * 0.6)
    await (await agreementOf(van)).refreshed(signal)
    expect(await versions(van)).toEqual([2, 2, 1])
    const frozen = new Map<string, Uint8Array>()
    const keep = askOf(van, (name, bytes) => {
      frozen.set(name, frozen.get(name) ?? bytes)
      return frozen.get(name) ?? bytes
    })
    await (await agreementOf(van, keep)).refreshed(signal)
    stage.clock.advance(2 * DAY_MS)
    await expect((await agreementOf(van, keep)).refreshed(signal)).rejects.toMatchObject({
      reason: 'expired',
    })
    const judge = await (await agreementOf(van)).refreshed(signal)
    await expect(judge(speech)).resolves.toBeUndefined()
  })

  it('are rolled back by nobody on the way', async () => {
    const old = new Map<string, Uint8Array>()
    desired.set(van, [await published('speech', '1.0.0')])
    const first = askOf(van, (name, bytes) => {
      old.set(name, bytes)
      return bytes
    })
    await (await agreementOf(van, first)).refreshed(signal)
    desired.set(van, [await published('speech', '1.1.0')])
    await (await agreementOf(van)).refreshed(signal)
    const replayed = askOf(van, (name, bytes) => old.get(name) ?? bytes)
    await expect((await agreementOf(van, replayed)).refreshed(signal)).rejects.toMatchObject({
      reason: 'rollback',
    })
  })

  it('are refused where a bit was flipped, or a file never ends', async () => {
    const speech = await published('speech', '1.0.0')
    desired.set(van, [speech])
    for (const file of ['director/timestamp.json', 'image/timestamp.json', 'image/1.family-speech.json']) {
      const flipped = askOf(van, (name, bytes) => {
        const bad = Buffer.from(bytes)
        if (name === file) bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 4
        return bad
      })
      const refused = async (): Promise<void> =>
        await (
          await (await agreementOf(van, flipped)).refreshed(signal)
        )(speech)
      await expect(refused(), file).rejects.toMatchObject({ code: 'tuf_refused' })
    }
    const endless = askOf(van, (_name, bytes) =>
      Buffer.concat([bytes, Buffer.alloc(METADATA_PIECE_BYTES * 3, 32)]),
    )
    await expect((await agreementOf(van, endless)).refreshed(signal)).rejects.toMatchObject({
      code: 'tuf_unreachable',
    })
    await (
      await (await agreementOf(van)).refreshed(signal)
    )(speech)
  })

  it('agree on nothing for a device that was given no roots', async () => {
    const none = openAgreement({
      folder: join(stage.folder, 'held', 'none'),
      disk: realDisk,
      ask: askOf(van),
      clock: stage.clock,
      device: van,
      environment: 'development',
      roots: null,
    })
    await expect(none.refreshed(signal)).rejects.toMatchObject({ code: 'roots_missing' })
  })

  it('are signed only through the kernel, and every signing is in its record', async () => {
    for (const action of ['release.list', 'release.direct'] as const) {
      const performer = signPerformer(parts, action)
      await expect(performer.perform({} as never, {} as never)).rejects.toThrow(UngatedEffect)
    }
    desired.set(van, [await published('speech', '1.0.0')])
    await (await agreementOf(van)).refreshed(signal)
    expect(await recorded('release.list')).toBeGreaterThan(0)
    expect(await recorded('release.direct')).toBeGreaterThan(0)
  })
})

describe('content', () => {
  it('is read by the devices whose director names it; the rest is refused, and recorded once', async () => {
    desired.set(van, [await published('speech', '1.0.0')])
    const secret = await published('intent', '1.0.0', 'b'.repeat(64))
    const { kernel, clock } = stage
    const rights = openContentRights({ kernel, clock, repositories })
    const before = await recorded('release.read')
    await expect(rights.check(van, MODEL)).resolves.toBeUndefined()
    await expect(rights.check(pump, MODEL)).rejects.toMatchObject({ code: 'forbidden' })
    for (const sha256 of [secret.envelopeSha256, 'b'.repeat(64), 'b'.repeat(64)])
      await expect(rights.check(van, sha256)).rejects.toMatchObject({ code: 'forbidden' })
    expect((await recorded('release.read')) - before).toBe(3)
    await expect(readContentPerformer().perform({} as never, {} as never)).rejects.toThrow(UngatedEffect)
  })

  it('may be a delta, a chain of them too, where it leads to a file that is named', async () => {
    desired.set(van, [await published('speech', '1.2.0')])
    const delta = (base: string, target: string, sha256: string): WireDeltaOffer => ({
      baseSha256: base.repeat(64),
      targetSha256: target.repeat(64),
      sha256: sha256.repeat(64),
      sizeBytes: 1_000,
      chunks: [sha256.repeat(64)],
    })
    const offers = [delta('1', '2', '7'), delta('2', 'a', '8'), delta('1', '3', '9')]
    for (const offer of offers) await keepDelta(stage.db, offer)
    const { kernel, clock } = stage
    const rights = openContentRights({ kernel, clock, repositories })
    for (const sha256 of ['7', '8'])
      await expect(rights.check(van, sha256.repeat(64))).resolves.toBeUndefined()
    await expect(rights.check(van, '9'.repeat(64))).rejects.toMatchObject({ code: 'forbidden' })
    await expect(rights.check(pump, '8'.repeat(64))).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is no longer read once the device is directed elsewhere', async () => {
    desired.set(van, [await published('speech', '1.0.0')])
    const { kernel, clock } = stage
    const rights = openContentRights({ kernel, clock, repositories })
    await rights.check(van, MODEL)
    desired.set(van, [await published('speech', '1.1.0', 'c'.repeat(64))])
    await rights.check(van, 'c'.repeat(64))
    await expect(rights.check(van, MODEL)).rejects.toMatchObject({ code: 'forbidden' })
  })
})

/** Decisions about an action in the centre's journal. */
async function recorded(action: string): Promise<number> {
  const [row] = await stage.db.query<{ n: number }>(
    `select count(*) as n from journal.record where action = $1 and kind = 'intent'`,
    [action],
  )
  return row?.n ?? 0
}

async function versions(device: typeof van): Promise<readonly (number | null)[]> {
  const { roles, snapshot, timestamp } = await servedFiles(stage.db, {
    repository: 'director',
    owner: device,
  })
  const version = (bytes: Uint8Array | undefined): number | null =>
    bytes === undefined
      ? null
      : (JSON.parse(Buffer.from(bytes).toString()) as { signed: { version: number } }).signed.version
  return [version(timestamp), version(snapshot), version(roles.get('targets'))]
}
