import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { desiredState } from '../../../control-plane/release/desired.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { parseDeviceId } from '../../../shared/ids.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { CARD, releaseFacts } from '../../support/whole-bundle.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'

const card = { ...CARD, version: '1.0.1' }

function form(
  files: Readonly<Record<string, string>>,
  fields: Readonly<Record<string, string>> = {},
): FormData {
  const made = new FormData()
  for (const [name, value] of Object.entries({ name: 'speech', ...fields })) made.set(name, value)
  for (const [path, text] of Object.entries(files)) made.append('file', new File([text], path))
  return made
}

describe('releases over the API', () => {
  let stage: ApiStage
  let device: Governed
  const alpha = parseDeviceId('alpha')
  beforeAll(async () => {
    stage = await apiStage()
    device = await governed({ origin: alpha })
    await stage.take(device)
  })
  afterAll(async () => {
    await device.close()
    await stage.close()
  })
  const publish = async (body: FormData | string, role: 'operator' | null = 'operator') =>
    await stage.call('/api/releases', { method: 'POST', body, role })
  const wanted = async () => {
    const envelope = { payloadType: 'x', payload: '', signatures: [] }
    const { bundles } = await desiredState(stage.db, envelope, alpha)
    return bundles.filter(({ name }) => name === 'speech').map(({ name, version }) => `${name} ${version}`)
  }
  const files = {
    'card.json': JSON.stringify(card),
    'release.json': JSON.stringify(releaseFacts()),
    'golden.json': '{}',
    'acoustic.onnx': 'bytes',
    'sub/words.txt': 'one',
  }

  it('say what they are for where their card does', async () => {
    const published = await publish(
      form(
        {
          ...files,
          'card.json': JSON.stringify({ ...card, kind: 'domain' }),
          'domains/tea.yaml': 'domain: tea',
        },
        { name: 'domain-tea' },
      ),
    )
    expect(published.status).toBe(201)
    const [row] = await stage.db.query<{ kind: string }>(
      `select manifest->>'kind' as kind from centre.bundle where name = 'domain-tea'`,
    )
    expect(row?.kind).toBe('domain')
    const unknown = await publish(
      form({ ...files, 'card.json': JSON.stringify({ ...card, kind: 'teapot' }) }, { name: 'domain-pot' }),
    )
    expect(unknown.status).not.toBe(201)
  })

  it('are signed and recorded; a held one is taken only where it is chosen, and can be left again', async () => {
    const base = await publish(form({ ...files, 'card.json': JSON.stringify({ ...card, version: '1.0.0' }) }))
    expect([base.status, base.body]).toMatchObject([
      201,
      { version: '1.0.0', files: 7, isNew: true, held: false },
    ])
    const held = await publish(form(files, { held: 'true' }))
    expect([held.status, held.body]).toMatchObject([201, { version: '1.0.1', held: true }])
    expect((await publish(form(files, { held: 'true' }))).status).toBe(200)
    expect(await wanted()).toEqual(['speech 1.0.0'])
    const choose = async (version: string | null) =>
      await stage.call('/api/devices/alpha/desired', { method: 'PUT', body: { name: 'speech', version } })
    await choose('1.0.1')
    expect(await wanted()).toEqual(['speech 1.0.1'])
    await choose(null)
    expect(await wanted()).toEqual(['speech 1.0.0'])
    const { releases } = (await stage.call('/api/releases')).body as {
      releases: { version: string; held: boolean }[]
    }
    expect(releases.map(({ version, held: isHeld }) => [version, isHeld])).toEqual(
      expect.arrayContaining([
        ['1.0.0', false],
        ['1.0.1', true],
      ]),
    )
    const { records } = (await stage.call('/api/journal')).body as { records: { body: object }[] }
    expect(records.map(({ body }) => body)).toContainEqual(
      expect.objectContaining({
        action: 'bundle.publish',
        principal: expect.objectContaining({ id: 'olu' }) as unknown,
      }),
    )
  })

  it('can be walked back to from any digest in a record: data, evaluation, policy, and who let it out', async () => {
    const of = {
      ...files,
      'card.json': JSON.stringify({ ...card, version: '3.0.0' }),
      'acoustic.onnx': 'third',
    }
    const published = await publish(form(of, { held: 'true' }))
    const { envelopeSha256 } = published.body
    await stage.call('/api/devices/alpha/desired', {
      method: 'PUT',
      body: { name: 'speech', version: '3.0.0' },
    })
    const origin = {
      name: 'speech',
      version: '3.0.0',
      envelopeSha256,
      datasets: [{ name: 'bytes of a test', sha256: 'a'.repeat(64), consent: 'not-needed' }],
      evaluation: { heldBack: 'a hundred cases', sha256: 'b'.repeat(64), result: 'PASSED' },
      approvals: [
        { action: 'bundle.publish', by: 'olu', policy: { version: 1 } },
        { action: 'desired.set', by: 'olu' },
      ],
    }
    const whole = await stage.call('/api/releases/speech/3.0.0')
    expect(whole.body).toMatchObject(origin)
    const statements = Object.keys(whole.body['attestations'] as object)
    expect(statements.toSorted()).toEqual([
      'evaluation.dsse.json',
      'manifest.dsse.json',
      'model.sig',
      'provenance.dsse.json',
    ])
    for (const digest of [envelopeSha256 as string, sha256Hex('third')])
      expect((await stage.call(`/api/lineage/${digest}`)).body).toMatchObject({ found: [origin] })
    expect((await stage.call(`/api/lineage/${'f'.repeat(64)}`)).status).toBe(404)
    expect((await stage.call('/api/releases/speech/9.9.9')).status).toBe(404)
  })

  it('are refused with the reason: other content under a version, no card, foreign paths, no form, no right', async () => {
    const { 'card.json': _card, ...cardless } = files
    const refused: readonly [FormData | string, number, RegExp][] = [
      [form({ ...files, 'acoustic.onnx': 'other bytes' }), 422, /with other files/],
      [form(cardless), 422, /card\.json/],
      [form({ ...files, 'card.json': '{"version":"1"}' }), 422, /card\.json/],
      [form({ ...files, '../escape.txt': 'x' }), 422, /path/],
      [form({ ...files, '/etc/passwd': 'x' }), 422, /path/],
      [form({}), 422, /files/],
      [form(files, { name: 'Not A Name' }), 422, /name/],
      ['no form', 422, /name/],
    ]
    for (const [body, status, reason] of refused) {
      const answer = await publish(body)
      expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(reason) as string])
    }
    expect((await publish(form(files), null)).status).toBe(401)
  })
})
