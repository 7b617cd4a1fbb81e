/** What a release stands on when a name moves to it: its signed evaluation against what has the name then, not when it was published. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { publishRelease } from './published.ts'

describe('a move of an alias', () => {
  let stage: ApiStage
  beforeAll(async () => {
    stage = await apiStage()
    await publishRelease(stage, 'speech', '1.0.0')
    await publishRelease(stage, 'speech', '1.1.0')
    await publishRelease(stage, 'speech', '1.2.0', { accuracy: 0.99 })
  })
  afterAll(async () => await stage.close())

  const move = async (version: string, expected: string | null, alias = 'stable') =>
    await stage.call(`/api/registry/speech/aliases/${alias}`, { method: 'PUT', body: { version, expected } })

  it('is refused to a release that was good enough when it was published, and is worse than what runs now', async () => {
    expect(await move('1.2.0', '1.0.0')).toMatchObject({ status: 200 })
    expect(await move('1.1.0', '1.2.0')).toMatchObject({
      status: 422,
      body: {
        code: 'evaluation_worse',
        message: expect.stringContaining('that of 1.2.0 is 0.99') as string,
      },
    })
    expect(await move('1.1.0', null, 'candidate')).toMatchObject({ status: 200 })
  })

  it('is no step into the unknown where the alias named that release before', async () => {
    expect(await move('1.0.0', '1.2.0')).toMatchObject({
      status: 200,
      body: { from: '1.2.0', version: '1.0.0' },
    })
  })

  it('believes the signed manifest and the evaluation that it names, and no table', async () => {
    const [held] = await stage.db.query<{ envelope: Uint8Array }>(
      `select envelope from centre.bundle where version = '1.2.0'`,
    )
    const put = async (version: string, envelope: Uint8Array | undefined) =>
      await stage.db.query('update centre.bundle set envelope = $2 where version = $1', [
        version,
        envelope ?? null,
      ])
    const [own] = await stage.db.query<{ envelope: Uint8Array }>(
      `select envelope from centre.bundle where version = '1.1.0'`,
    )
    await put('1.1.0', held?.envelope)
    expect(await move('1.1.0', '1.0.0')).toMatchObject({ status: 422, body: { code: 'bundle_unsound' } })
    await put('1.1.0', own?.envelope)
    await stage.db.query(`update centre.bundle set manifest = '{}' where version = '1.1.0'`)
    expect(await move('1.1.0', '1.0.0')).toMatchObject({ status: 200 })
  })
})
