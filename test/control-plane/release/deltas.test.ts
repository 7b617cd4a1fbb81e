import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CENTRE_SCHEMA } from '../../../control-plane/centre-schema.ts'
import { atCentre } from '../../../control-plane/performer.ts'
import { openCentreContent, type CentreContent } from '../../../control-plane/release/content.ts'
import { DELTA_SCHEMA, deltaOffers } from '../../../control-plane/release/delta-store.ts'
import { openDeltaMaking, type DeltaMaking } from '../../../control-plane/release/deltas.ts'
import { publishPerformer } from '../../../control-plane/release/publish.ts'
import { planTransfer } from '../../../rollout/delta/transfer.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { openLog } from '../../../shared/log.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import {
  decoded,
  layersOf,
  nudged,
  quantisedModel,
  targetOf,
  type Layer,
} from '../../rollout/delta/models.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { CARD, sourceFiles } from '../../support/whole-bundle.ts'

const key = generateKeyPair()
const modelKey = generateSigningKey('ecdsa-sha2-nistp256')

describe('deltas of what is published', () => {
  let stage: Governed
  let content: CentreContent
  let making: DeltaMaking
  const models: Uint8Array[] = []
  const lines: string[] = []

  beforeAll(async () => {
    stage = await governed({ origin: 'centre' })
    await stage.db.script(CENTRE_SCHEMA)
    await stage.db.script(DELTA_SCHEMA)
    content = openCentreContent(join(stage.folder, 'content'))
    const log = openLog({
      part: 'centre',
      clock: stage.clock,
      json: false,
      write: (line) => lines.push(line),
    })
    making = openDeltaMaking({ kernel: stage.kernel, db: stage.db, content, log })
    let layers: readonly Layer[] = layersOf(3, [[128, 256]])
    for (let version = 0; version < 5; version += 1) {
      models.push(quantisedModel(layers))
      layers = nudged(layers, version, { share: 0.1, size: 0.002 })
    }
  })
  afterAll(async () => {
    await making.close()
    await stage.close()
  })

  const publish = async (
    version: string,
    model: Uint8Array,
    { name = 'speech', noise = false } = {},
  ): Promise<void> => {
    const files = sourceFiles({
      'card.json': { ...CARD, version },
      'model.onnx': model,
      ...(noise ? { 'noise.bin': randomBytes(version) } : {}),
    })
    const parts = { content, clock: stage.clock, key, modelKey, environment: 'development' } as const
    await atCentre(stage.kernel, publishPerformer(parts, { name, version, files, held: false }), {
      resource: { type: 'bundle', id: `${name} ${version}` },
      input: { name, version },
    })
  }
  const settle = async (): Promise<void> => {
    making.wake()
    await making.settled()
  }
  const sha = (at: number): string => sha256Hex(models[at] ?? new Uint8Array(0))

  it('are made from up to three versions before, as content, and lead to the very file', async () => {
    for (const [at, model] of models.entries()) {
      await publish(`1.0.${at}`, model, { noise: at > 2 })
      if (at === 1 || at === 4) await settle()
    }
    const offers = (await deltaOffers(stage.db, [sha(4)])).filter(
      ({ targetSha256 }) => targetSha256 === sha(4),
    )
    expect(offers.map(({ baseSha256 }) => baseSha256).toSorted()).toEqual([sha(1), sha(2), sha(3)].toSorted())
    for (const offer of offers) {
      const delta = await content.get(offer.sha256)
      expect([delta.length, offer.chunks]).toEqual([offer.sizeBytes, [sha256Hex(delta)]])
      expect(offer.sizeBytes).toBeLessThan((models[4]?.length ?? 0) / 2)
      const base = models.find((model) => sha256Hex(model) === offer.baseSha256) ?? new Uint8Array(0)
      const target = models[4] ?? new Uint8Array(0)
      expect(Buffer.compare(await decoded(base, delta, targetOf(target)), target)).toBe(0)
    }
  })

  it('serve a device that is far behind by a chain', async () => {
    const target = { sha256: sha(4), sizeBytes: models[4]?.length ?? 0 }
    const offers = await deltaOffers(stage.db, [target.sha256])
    const ground = { target, offers, link: 'metered', allowsFullOnMetered: false } as const
    expect(planTransfer({ ...ground, held: new Set([sha(0)]) })).toMatchObject({
      kind: 'deltas',
      chain: [
        { baseSha256: sha(0), targetSha256: sha(1) },
        { baseSha256: sha(1), targetSha256: sha(4) },
      ],
    })
    expect(planTransfer({ ...ground, held: new Set() })).toMatchObject({ kind: 'wait' })
  })

  it('are not kept where they save nothing, nor made of what has not changed', async () => {
    const rows = await stage.db.query<{ target_sha256: string }>('select target_sha256 from centre.delta')
    expect(rows.some(({ target_sha256 }) => target_sha256 === sha256Hex(randomBytes('1.0.4')))).toBe(false)
    const before = rows.length
    await publish('1.0.5', models[4] ?? new Uint8Array(0))
    await settle()
    expect(await stage.db.query('select 1 from centre.delta')).toHaveLength(before)
  })

  it('are recorded, each as an effect of the centre', async () => {
    const rows = await stage.db.query<{ n: number }>(`select count(*)::int as n from centre.delta`)
    const recorded = await stage.db.query<{ n: number }>(
      "select count(*)::int as n from journal.record where action = 'bundle.delta' and kind = 'intent'",
    )
    expect(recorded[0]?.n).toBe(rows[0]?.n)
  })

  it('are not made where the policy denies it, and nothing else is lost', async () => {
    const { length } = await stage.db.query('select 1 from centre.delta')
    const { rules } = stage.policy().document
    await publish('1.0.0', models[2] ?? new Uint8Array(0), { name: 'other' })
    stage.follow({
      rules: [
        ...rules,
        { id: 'none', effect: 'deny', actions: ['bundle.delta'], roles: ['*'], whenExpired: true },
      ],
    })
    await publish('1.0.1', models[0] ?? new Uint8Array(0), { name: 'other' })
    await settle()
    expect(await stage.db.query('select 1 from centre.delta')).toHaveLength(length)
    expect(lines.at(-1)).toContain('a delta could not be made')
    stage.follow({})
  })
})

/** Bytes of which nothing can be foretold from those of another seed. */
function randomBytes(seed: string): Uint8Array {
  return Buffer.concat(Array.from({ length: 800 }, (_, at) => Buffer.from(sha256Hex(`${seed} ${at}`), 'hex')))
}
