import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { SMOKE_LIMITS, smokeInChild, type SmokeLimits } from '../../../edge-agent/trial/smoke.ts'
import type { BundleFacts } from '../../../edge-agent/update/slot-facts.ts'
import { shippedIntentFolder } from '../intent/intent-bundle.ts'

const facts: BundleFacts = { name: 'intent', kind: null, createdAtMs: 0 }
const entry = new URL('ending.mjs', import.meta.url)
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const tried = async (dir: string, limits: Partial<SmokeLimits> = {}): Promise<unknown> =>
  await smokeInChild(
    { dir, facts },
    { signal: new AbortController().signal, limits: { ...SMOKE_LIMITS, ...limits } },
  )

/** A process that ends as `how` says. */
const ended = async (how: string, limits: Partial<SmokeLimits> = {}): Promise<unknown> =>
  await smokeInChild(
    { dir: how, facts },
    { signal: new AbortController().signal, limits: { ...SMOKE_LIMITS, ...limits }, entry },
  )

function intentFolder(): string {
  const dir = shippedIntentFolder()
  folders.push(dir)
  return dir
}

describe('the smoke test in a process of its own', () => {
  it('passes the shipped models, and says what they take', async () => {
    expect(await tried(intentFolder())).toMatchObject({ spokenMs: null })
    const speech = await tried(fileURLToPath(MODEL_FOLDERS.speech), { hearing: 100 })
    expect(speech).toEqual({
      openMs: expect.any(Number) as number,
      latencyMs: expect.any(Number) as number,
      spokenMs: 2_940,
      memoryBytes: expect.any(Number) as number,
    })
  })

  it('refuses a model whose golden answers do not come out, by the name of its own error', async () => {
    const dir = intentFolder()
    const golden = JSON.parse(readFileSync(join(dir, 'golden.json'), 'utf8')) as {
      cases: { probabilities: number[] }[]
    }
    golden.cases[0]?.probabilities.reverse()
    writeFileSync(join(dir, 'golden.json'), JSON.stringify(golden))
    await expect(tried(dir)).rejects.toMatchObject({ code: 'intent_model_refused' })
  })

  it('refuses a folder that is no bundle', async () => {
    const dir = intentFolder()
    rmSync(join(dir, 'intent.onnx'))
    await expect(tried(dir)).rejects.toMatchObject({ code: 'bundle_unknown' })
  })

  it.runIf(process.platform === 'linux')('gives a model no more memory than it may have', async () => {
    // Short of memory it may fail in words, end at once, or wait for a thread of its own that has ended: each is a failure.
    const speech = fileURLToPath(MODEL_FOLDERS.speech)
    await expect(tried(speech, { memoryBytes: 100_000_000, timeMs: 10_000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(smoke_crashed|smoke_over_limit|internal)$/) as string,
    })
    await expect(tried(intentFolder(), { memoryBytes: 60_000_000, timeMs: 10_000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^smoke_(crashed|over_limit)$/) as string,
    })
  })

  it('fails a model that is over a limit', async () => {
    for (const how of ['is slow', 'is slower than speech', 'is large'])
      await expect(ended(how)).rejects.toMatchObject({ code: 'smoke_over_limit' })
  })

  it('kills what hangs, and what is no longer wanted', async () => {
    await expect(ended('hangs', { timeMs: 300 })).rejects.toMatchObject({ code: 'smoke_over_limit' })
    const stop = new AbortController()
    const waiting = smokeInChild({ dir: 'hangs', facts }, { signal: stop.signal, entry })
    stop.abort(new Error('no longer wanted'))
    await expect(waiting).rejects.toThrow('no longer wanted')
  })

  it('takes a crash, a kill and silence as failures, and says how it ended', async () => {
    for (const [how, ending] of [
      ['aborts', 'SIGABRT'],
      ['is killed', 'SIGKILL'],
      ['says nothing', 'exit code 0'],
      ['says half', 'exit code 0'],
      ['passes and fails', 'exit code 3'],
    ] as const)
      await expect(ended(how)).rejects.toMatchObject({
        code: 'smoke_crashed',
        message: expect.stringContaining(ending) as string,
      })
  })

  it('gives it nothing of the environment', async () => {
    process.env['STARLING_TRIAL_SECRET'] = 'enrolment token'
    try {
      await expect(ended('tells its environment')).rejects.toMatchObject({
        code: 'environment',
        message: expect.not.stringContaining('SECRET') as string,
      })
    } finally {
      delete process.env['STARLING_TRIAL_SECRET']
    }
  })
})
