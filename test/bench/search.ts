/**
 * Hybrid search against plain full text on the device's database: recall at ten on questions that tuned nothing, and what one search
 * costs, through the kernel. Documents and questions are made by the project: see search/corpus.yaml.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { migrate } from '../../edge-agent/agent/migrations.ts'
import { searchContext, type QuestionParts } from '../../edge-agent/context/questions.ts'
import { openEmbedders } from '../../edge-agent/embedding/shelf.ts'
import { openIndexUpkeep } from '../../edge-agent/search/upkeep.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { governed, type Governed } from '../support/governed.ts'
import { quantile, type BenchOptions, type BenchReport } from './report.ts'
import { indexedRows } from './search/indexed.ts'
import { graphRows } from './search/graph.ts'
import { makeCorpus, type Corpus, type Question } from './search/corpus.ts'

const DOCUMENTS = 10_000
const SHOWN = 10
/** Questions of a set that are asked: every so many, so that each topic and machine has its part. */
const EVERY = 7
const WARM_UP = 20
/** Asked of the index and of the scan. */
const INDEXED_QUESTIONS = 100
const PLENTY = { effects: 1_000_000, windowS: 3_600 }
const TECHNICIAN: Principal = { kind: 'person', id: 'amara', roles: ['technician'] }

export async function run(progress: (line: string) => void, options: BenchOptions): Promise<BenchReport> {
  const at = await governed()
  const signal = new AbortController().signal
  const embedders = openEmbedders(at.folder, signal)
  try {
    at.follow({ budget: PLENTY })
    await migrate(at.db)
    const corpus = makeCorpus(Number(options.limit ?? DOCUMENTS))
    await load(at.db, corpus)
    const principal: Principal = { kind: 'device', id: 'device-1', roles: ['device'] }
    const index = openIndexUpkeep({ db: at.db, kernel: at.kernel, principal, embedders, clock: at.clock })
    progress(`indexing ${corpus.documents.length} documents`)
    const beganMs = performance.now()
    const { vectors } = await index.round(signal)
    const indexedMs = performance.now() - beganMs
    await at.db.script('vacuum analyze')
    const parts = questionParts(at, embedders)
    const held = corpus.heldOut.filter((_, number) => number % EVERY === 0)
    for (const { text } of corpus.tuning.slice(0, WARM_UP)) await hybrid(parts, text)
    progress(`${held.length} questions of the held-out set`)
    const asked = await askAll(parts, held)
    const plain = await recallOf(held, async ({ text }) => await fullText(at.db, text, 'or'))
    const strict = await recallOf(held, async ({ text }) => await fullText(at.db, text, 'and'))
    progress('an index over the vectors')
    const embedder = await embedders.open(embedders.chosen() ?? '')
    const texts = held.slice(0, INDEXED_QUESTIONS).map(({ text }) => text)
    const vectorsAsked = (await embedder?.embed(texts)) ?? []
    const indexed = await indexedRows(at.db, vectorsAsked)
    progress('three steps over 100,000 edges')
    const graph = await graphRows(at.db, at.clock.nowMs())
    return {
      bench: 'search',
      rows: [
        {
          name: 'recall at 10, hybrid over full text',
          value: asked.recall / plain,
          unit: 'times',
          baseline: 1,
          goal: { op: '>=', value: 1.3 },
        },
        { name: 'recall at 10, hybrid', value: asked.recall, unit: '', baseline: plain },
        { name: 'recall at 10, full text of all the words', value: strict, unit: '' },
        { name: 'questions asked', value: held.length, unit: '' },
        { name: 'chunks searched', value: vectors, unit: '' },
        {
          name: 'a search, with its two records, p95',
          value: quantile(asked.ms, 0.95),
          unit: 'ms',
          goal: { op: '<=', value: 50 },
        },
        { name: 'a search, with its two records, p50', value: quantile(asked.ms, 0.5), unit: 'ms' },
        { name: 'a search, processor time', value: asked.cpuMs, unit: 'ms' },
        {
          name: 'indexing, with vectors',
          value: (corpus.documents.length / indexedMs) * 1_000,
          unit: 'documents/s',
        },
        ...indexed,
        ...graph,
      ],
    }
  } finally {
    await embedders.close()
    await at.close()
  }
}

/** As the first sync leaves it. */
async function load(sql: Queryable, { documents }: Corpus): Promise<void> {
  await sql.query(
    `insert into context.row (tbl, key, version, body)
     select 'document', key, 1, body from jsonb_to_recordset($1::text::jsonb) as made(key text, body jsonb)`,
    [JSON.stringify(documents)],
  )
}

function questionParts(at: Governed, embedders: QuestionParts['embedders']): QuestionParts {
  const policy = fieldServicePolicy({ environment: 'development', version: 1, nowMs: at.clock.nowMs() })
  return {
    db: at.db,
    kernel: at.kernel,
    principal: TECHNICIAN,
    clock: at.clock,
    embedders,
    policy: () => ({ ...policy, budget: PLENTY }),
    staleness: () => ({ syncedAt: null, stalenessMs: null, indexedAt: null }),
  }
}

async function hybrid(parts: QuestionParts, words: string): Promise<readonly string[]> {
  const { found } = await searchContext(parts, { words, limit: SHOWN, asOf: null })
  return found.map(({ key }) => key)
}

/** PostgreSQL's own full text, as it is used without anything else: the stronger of its two usual ways is the baseline. */
async function fullText(sql: Queryable, words: string, join: 'and' | 'or'): Promise<readonly string[]> {
  const any = `replace(plainto_tsquery('english', $1)::text, ' & ', ' | ')::tsquery`
  const query = join === 'or' ? any : `websearch_to_tsquery('english', $1)`
  const rows = await sql.query<{ key: string }>(
    `select c.key from search.chunk c, (select ${query} as words) q where c.words @@ q.words
     order by ts_rank(c.words, q.words) desc, c.id limit ${SHOWN}`,
    [words],
  )
  return rows.map(({ key }) => key)
}

async function askAll(
  parts: QuestionParts,
  questions: readonly Question[],
): Promise<{ readonly recall: number; readonly ms: readonly number[]; readonly cpuMs: number }> {
  const ms: number[] = []
  const before = process.cpuUsage()
  const recall = await recallOf(questions, async ({ text }) => {
    const beganMs = performance.now()
    const keys = await hybrid(parts, text)
    ms.push(performance.now() - beganMs)
    await nextTurn()
    return keys
  })
  const { user, system } = process.cpuUsage(before)
  return { recall, ms, cpuMs: (user + system) / 1_000 / questions.length }
}

async function recallOf(
  questions: readonly Question[],
  search: (question: Question) => Promise<readonly string[]>,
): Promise<number> {
  let sum = 0
  for (const question of questions) {
    const found = (await search(question)).filter((key) => question.answers.has(key)).length
    sum += found / Math.min(SHOWN, question.answers.size)
  }
  return sum / questions.length
}
