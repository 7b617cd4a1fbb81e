import { describe, expect, it } from 'vitest'
import { BatchScorer, MAX_ROWS } from '../../../edge-agent/speech/batch-scorer.ts'
import {
  nextStrain,
  REFUSE_BEHIND_MS,
  SHED_BEHIND_MS,
  type Strain,
} from '../../../edge-agent/speech/strain.ts'

/** Doubles each row's one feature into two senones; keeps what each run was given. */
function scorer(): { batch: BatchScorer; runs: number[]; flush: () => void } {
  const runs: number[] = []
  const waiting: (() => void)[] = []
  const batch = new BatchScorer(
    async (features, frames) => {
      runs.push(frames)
      return { senones: Float32Array.from(features).map((x) => 2 * x), runtimeUs: 100 }
    },
    (flush) => waiting.push(flush),
  )
  return { batch, runs, flush: () => waiting.splice(0).forEach((flush) => flush()) }
}

describe('scoring streams together', () => {
  it('puts what is wanted at one moment into one run, and gives each its own rows', async () => {
    const { batch, runs, flush } = scorer()
    const asked = [1, 2, 3].map((value) => batch.score(new Float32Array(16).fill(value), 16, false))
    flush()
    const scored = await Promise.all(asked)
    expect(runs).toEqual([48])
    expect(scored.map(({ senones }) => [...new Set(senones)])).toEqual([[2], [4], [6]])
    expect(scored.map(({ runtimeUs }) => runtimeUs)).toEqual([100 / 3, 100 / 3, 100 / 3])
  })

  it('keeps a run within its size, and takes those that finish first', async () => {
    const { batch, runs, flush } = scorer()
    const order: string[] = []
    const half = MAX_ROWS / 2
    const ask = (name: string, urgent: boolean): Promise<unknown> =>
      batch.score(new Float32Array(half), half, urgent).then(() => order.push(name))
    const asked = [ask('a', false), ask('b', false), ask('c', true), ask('d', false)]
    while (order.length < asked.length) {
      flush()
      await new Promise(setImmediate)
    }
    expect(runs).toEqual([MAX_ROWS, MAX_ROWS])
    expect(order).toEqual(['c', 'a', 'b', 'd'])
  })

  it('fails only those that were in the failed run', async () => {
    const waiting: (() => void)[] = []
    let runs = 0
    const batch = new BatchScorer(
      async (features) => {
        runs++
        if (runs === 1) throw new Error('the run failed')
        return { senones: features, runtimeUs: 1 }
      },
      (flush) => waiting.push(flush),
    )
    const first = batch.score(new Float32Array(MAX_ROWS), MAX_ROWS, false)
    const second = batch.score(new Float32Array(16), 16, false)
    waiting.shift()?.()
    await expect(first).rejects.toThrow('the run failed')
    await new Promise(setImmediate)
    waiting.shift()?.()
    expect((await second).senones).toHaveLength(16)
  })
})

describe('a recogniser that is behind', () => {
  const after = (...behind: number[]): Strain => behind.reduce<Strain>(nextStrain, 'calm')

  it('gives up partials first, then new streams', () => {
    expect(after(SHED_BEHIND_MS)).toBe('calm')
    expect(after(SHED_BEHIND_MS + 1)).toBe('shedding')
    expect(after(REFUSE_BEHIND_MS + 1)).toBe('refusing')
  })

  it('takes them up again only when it has clearly caught up', () => {
    expect(after(REFUSE_BEHIND_MS + 1, REFUSE_BEHIND_MS - 1)).toBe('refusing')
    expect(after(REFUSE_BEHIND_MS + 1, REFUSE_BEHIND_MS / 2)).toBe('shedding')
    expect(after(SHED_BEHIND_MS + 1, SHED_BEHIND_MS - 1)).toBe('shedding')
    expect(after(REFUSE_BEHIND_MS + 1, 0)).toBe('calm')
  })
})
