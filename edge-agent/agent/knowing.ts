/** What the device knows, kept so that it can be asked: the index beside the synced copy, and the questions to both. */
import { systemClock } from '../../shared/clock.ts'
import type { Closers } from '../../shared/closers.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import { asOfTimes, queryContext, searchContext, type QuestionParts } from '../context/questions.ts'
import type { ContextSync } from '../context/sync.ts'
import { openEmbedders } from '../embedding/shelf.ts'
import type { ContextQuestions } from '../local-api/questions.ts'
import { importedFolder } from '../models-import/registry.ts'
import { openIndexUpkeep, type IndexUpkeep } from '../search/upkeep.ts'
import type { EmbedderShelf } from '../search/vectors.ts'
import type { Device } from './agent.ts'
import { startRounds } from './rounds.ts'

/** Besides after each change that was taken: a model may have been chosen meanwhile. */
const INDEX_EVERY_MS = 30_000
const SLOWEST_MS = 120_000

export interface Knowledge {
  readonly index: IndexUpkeep
  readonly embedders: EmbedderShelf
  /** The copy has changed. */
  wake(): void
}

export function keepIndexed({ options, run, ledger, itself }: Device, closers: Closers): Knowledge {
  const { db, kernel } = ledger
  const embedders = openEmbedders(importedFolder(options.data), run.signal)
  closers.add(async () => await embedders.close())
  const index = openIndexUpkeep({ db, kernel, principal: itself, embedders, clock: systemClock })
  const rounds = startRounds({
    name: 'indexing the context',
    everyMs: INDEX_EVERY_MS,
    atMostMs: SLOWEST_MS,
    log: run.log,
    round: async (signal) => {
      const { rows, vectors } = await index.round(signal)
      if (rows + vectors > 0) run.log.info(`indexed ${rows} rows of the context, with ${vectors} vectors`)
    },
  })
  closers.add(async () => await rounds.stop())
  return { index, embedders, wake: () => rounds.wake() }
}

/** What one person's questions need. */
export function questionParts(
  { ledger }: Device,
  { index, embedders }: Knowledge,
  asker: { readonly principal: Principal; readonly sync: ContextSync },
): QuestionParts {
  return {
    db: ledger.db,
    kernel: ledger.kernel,
    principal: asker.principal,
    clock: systemClock,
    embedders,
    policy: () => ledger.policy.current().document,
    staleness: () => {
      const { syncedAt, stalenessMs } = asker.sync.status()
      return { syncedAt, stalenessMs, indexedAt: index.currentAt() }
    },
  }
}

export function contextQuestions(parts: QuestionParts): ContextQuestions {
  return {
    search: async ({ words, limit, asOf, knownAt }) =>
      await searchContext(parts, { words, limit, asOf: asOfTimes(asOf, knownAt, parts.clock.nowMs()) }),
    query: async ({ of, where, hops, limit, asOf, knownAt }) => {
      const times = asOfTimes(asOf, knownAt, parts.clock.nowMs())
      return await queryContext(parts, { of, where, hops, limit, asOf: times })
    },
  }
}
