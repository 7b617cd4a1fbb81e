/** `starling rollout simulate`: what programs read of it, and that it can be stopped. */
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import type { Call } from '../../../edge-agent/cli/call.ts'
import {
  rolloutSimulate,
  SimulationStopped,
  type SimulateOptions,
} from '../../../edge-agent/cli/commands/rollout-simulate.ts'
import { openOutput } from '../../../edge-agent/cli/output.ts'
import { openHome } from '../../../edge-agent/home.ts'

const OPTIONS: SimulateOptions = {
  devices: 300,
  seed: 7,
  regression: 1,
  offline: 0.05,
  drift: 0,
  crashLoop: 0,
  clockJumps: 0,
  emergency: false,
}

async function printed(options: Partial<SimulateOptions>, json = true): Promise<string> {
  const out = new PassThrough()
  const call = callOf(out, json, new AbortController().signal)
  await rolloutSimulate(call, { ...OPTIONS, ...options })
  out.end()
  return await text(out)
}

function callOf(out: PassThrough, json: boolean, signal: AbortSignal): Call {
  const output = openOutput({ json, out, err: new PassThrough().resume() })
  return { home: openHome({ data: '/nowhere', env: {} }), output, env: {}, signal }
}

it('prints one JSON value with what was asked for', async () => {
  const report: unknown = JSON.parse(await printed({ regression: 3, crashLoop: 0.5 }))
  expect(report).toMatchObject({
    verdict: 'HALT',
    exposedShare: expect.any(Number) as number,
    stateHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    virtualSeconds: expect.any(Number) as number,
    devicesExposed: expect.any(Number) as number,
    secondsToHalt: expect.any(Number) as number,
    convergence: expect.any(Array) as unknown[],
    stragglers: { count: expect.any(Number) as number, named: expect.any(Array) as unknown[] },
    bytes: { total: expect.any(Number) as number, bySite: expect.any(Object) as object },
  })
})

it('prints the same bytes for the same seed, for programs and for people', async () => {
  expect(await printed({})).toBe(await printed({}))
  expect(await printed({}, false)).toBe(await printed({}, false))
  expect(await printed({}, false)).toContain('state hash')
})

it('stops when it is told to, in the middle of a large fleet', async () => {
  const call = callOf(new PassThrough().resume(), true, AbortSignal.abort())
  await expect(rolloutSimulate(call, { ...OPTIONS, devices: 20_000 })).rejects.toThrow(SimulationStopped)
})
