import { expect, test } from 'vitest'
import { changeLine, statusLines, type Campaign } from '../../../edge-agent/cli/commands/rollout-lines.ts'

const SEEN: Campaign = {
  campaign: 'r1',
  phase: 'halted',
  ring: 'canary',
  generation: 2,
  runs: 'last_good',
  seq: 40,
  stateHash: 'aa',
  planDigest: 'bb',
  counts: { fleet: 20, exposed: 5, atRisk: 1, proven: 0, failed: 1, returned: 3 },
  rings: [],
  progress: { rings: [] },
  approvals: { needed: 1, by: ['ann'] },
  resumersNeeded: 0,
  plan: {
    author: 'bob',
    candidate: { name: 'field-speech', version: '2.0.0' },
    lastGood: { version: '1.0.0' },
  },
  decisions: [],
  stragglers: [],
}
const ring = (parked: number) => ({ stages: { parked } })

test('devices whose tries are used up are told among the returned, over all rings', () => {
  const seen = { ...SEEN, progress: { rings: [ring(1), ring(0), ring(1)] } }
  expect(statusLines(seen).join('\n')).toContain('1 failed, 3 returned, 2 of them parked')
  expect(changeLine(seen)).toContain('returned 3, 2 of them parked')
})

test('where none is parked nothing is said of it', () => {
  const said = [...statusLines(SEEN), changeLine(SEEN)].join('\n')
  expect(said).toContain('3 returned')
  expect(said).not.toContain('parked')
})
