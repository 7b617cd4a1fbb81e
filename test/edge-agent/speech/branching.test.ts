import { describe, expect, it } from 'vitest'
import { withChoices } from '../../../edge-agent/speech/branching.ts'
import { ANY_WORD } from '../../../edge-agent/speech/sentence-graph.ts'

const arc = (to: number, word: string, logWeight = 0) => ({ to, word, logWeight, open: word === ANY_WORD })

describe('what a word of a grammar costs', () => {
  it('is the log of how many may stand there, the sentence’s end among them', () => {
    const { arcs } = withChoices(
      {
        start: 0,
        arcs: [[arc(1, 'open'), arc(1, 'close', -12), arc(2, 'open')], [arc(2, 'four')], []],
        finals: new Set([1, 2]),
      },
      3,
    )
    expect(arcs[0]?.map(({ logWeight }) => logWeight)).toEqual(
      [2, 2, 2].map((n, at) => (at === 1 ? -12 : 0) - 3 * Math.log(n)),
    )
    expect(arcs[1]?.map(({ logWeight }) => logWeight)).toEqual([-3 * Math.log(2)])
  })

  it('leaves words that the language model weighs, and words without a choice', () => {
    const graph = {
      start: 0,
      arcs: [[arc(1, 'note')], [arc(1, ANY_WORD), arc(2, 'please')], []],
      finals: new Set([2]),
    }
    const { arcs } = withChoices(graph, 3)
    expect(arcs[0]).toEqual(graph.arcs[0])
    expect(arcs[1]?.[0]).toEqual(graph.arcs[1]?.[0])
    expect(arcs[1]?.[1]?.logWeight).toBeCloseTo(-3 * Math.log(2))
  })
})
