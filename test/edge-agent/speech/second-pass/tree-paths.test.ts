/** The word tree read backwards gives each word as the lexicon has it. */
import { expect, it } from 'vitest'
import { wordAt } from '../../../../edge-agent/speech/search-network.ts'
import { treePaths } from '../../../../edge-agent/speech/second-pass/tree-paths.ts'
import { lexicon, model, netOf } from './open-net.ts'

const net = netOf(['*'])
const paths = treePaths(net)
/** Phones that words stand between. */
const around = model.phones.flatMap((_, phone) =>
  phone === model.silence || !model.fillers.includes(phone) ? [phone] : [],
)
const everyWord = Array.from({ length: net.wordOpen.length }, (_, word) => word)

it('has of each word the pronunciations of the lexicon', () => {
  expect(everyWord.length).toBeGreaterThan(1_000)
  for (const word of everyWord) {
    const text = wordAt(net, word)?.text ?? ''
    const found = [...paths.spoken(word)].map((end) => {
      const { heads, inner, tails } = paths.path(end)
      const [first = [], last = []] = [heads, tails].map((units) => [
        ...new Set(units.map((unit) => net.phone[unit])),
      ])
      expect([first.length, last.length]).toEqual([1, inner.length > 0 || last.length > 0 ? 1 : 0])
      return [...first, ...inner.map((unit) => net.phone[unit]), ...last]
    })
    expect(found.map(String).sort(), text).toEqual(lexicon.lookup(text).map(String).sort())
  }
})

it('is entered by one head whatever was said before, but for words of one phone, whose head depends on what follows too', () => {
  for (const word of everyWord)
    for (const end of paths.spoken(word)) {
      const { heads, headsAfter, tails } = paths.path(end)
      const counts = around.map((left) => (headsAfter.first[left + 1] ?? 0) - (headsAfter.first[left] ?? 0))
      expect(Math.min(...counts)).toBeGreaterThan(0)
      if (tails.length > 0) expect(Math.max(...counts)).toBe(1)
      expect(new Set(headsAfter.values).size).toBe(heads.length)
    }
})

it('leaves each word to every phone once', () => {
  for (const word of everyWord)
    for (const end of paths.spoken(word)) {
      const { heads, headsAfter, tails } = paths.path(end)
      const [left = 0] = around
      const lastUnits =
        tails.length > 0
          ? tails
          : [...headsAfter.values.subarray(headsAfter.first[left], headsAfter.first[left + 1])].map(
              (at) => heads[at] ?? 0,
            )
      const after = lastUnits.flatMap((unit) =>
        [...paths.rights(unit).keys()].filter((p) => paths.rights(unit)[p] === 1),
      )
      expect(after.sort((a, b) => a - b)).toEqual(around)
    }
})
