/**
 * One question to the index: by words, by spelling and by meaning at once, in one statement. Each way ranks what the caller may see and
 * nothing else; the ranks are joined by weighted reciprocal ranks (Cormack, Clarke and Büttcher 2009), so that scores of different kinds
 * need no common scale. A row is as good as its best chunk.
 */
import type { Json } from '../../shared/json.ts'
import type { Queryable, SqlValue } from '../../shared/sql/port.ts'
import { checkVector, type StampedVector } from '../embedding/stamp.ts'
import { VISIBLE_PARAMS, visibleParams, visibleSql, type AsOf, type Rights } from './rights.ts'
import { vectorText, type HeldStamp } from './vectors.ts'

export interface SearchWish {
  readonly words: string
  /** The words' vector and the stamp of those that it is compared with; null: by words and spelling alone. */
  readonly meaning: { readonly vector: StampedVector; readonly stamp: HeldStamp } | null
  readonly rights: Rights
  readonly asOf: AsOf
  readonly nowMs: number
  readonly limit: number
}

export type Found = {
  /** Of the chunk: stable as long as its words stay. */
  readonly id: string
  readonly table: string
  readonly key: string
  readonly title: string
  readonly heading: string
  readonly text: string
  readonly score: number
  /** Rank by each way, from 1; null where it did not find it. */
  readonly ranks: {
    readonly words: number | null
    readonly names: number | null
    readonly meaning: number | null
  }
  readonly sources: Json
}

/** Chosen on the tuning set of `npm run bench -- search`, which does not hold the questions that it reports. */
export const WEIGHTS = { words: 1, names: 1, meaning: 2 } as const
/** How little the first ranks stand out: the authors' 60 is for long lists of documents that many ways find. Chosen as the weights are. */
const RANK_OFFSET = 10
/** Chunks that each way may bring: far more than are shown, so that one that all ways find in their middle can win. */
const CANDIDATES = 80
/** Every text is near to some other: under this two have nothing to do with each other. */
const LEAST_COSINE = 0.25
/** Shorter words are like too many names. */
const LEAST_LETTERS = 3

export async function searchIndex(sql: Queryable, wish: SearchWish): Promise<readonly Found[]> {
  const { words, meaning, limit } = wish
  if (meaning !== null) checkVector(meaning.vector, meaning.stamp)
  const params: SqlValue[] = [
    ...visibleParams(wish.rights, wish.asOf, wish.nowMs),
    words,
    meaning?.stamp.id ?? null,
    meaning === null ? null : vectorText(meaning.vector.values),
    limit,
  ]
  const rows = await sql.query<{
    id: string
    tbl: string
    key: string
    title: string
    heading: string
    body: string
    score: number
    by_words: number | null
    by_names: number | null
    by_meaning: number | null
    sources: Json
  }>(STATEMENT, params)
  return rows.map(
    ({ id, tbl, key, title, heading, body, score, by_words, by_names, by_meaning, sources }) => ({
      id,
      table: tbl,
      key,
      title,
      heading,
      text: body,
      score,
      ranks: { words: by_words, names: by_names, meaning: by_meaning },
      sources,
    }),
  )
}

const [WORDS, STAMP, VECTOR, LIMIT] = [1, 2, 3, 4].map((at) => `$${VISIBLE_PARAMS + at}`)
const VISIBLE = visibleSql(0)
const share = (way: keyof typeof WEIGHTS): string => `${WEIGHTS[way]}::float8 / (${RANK_OFFSET} + rank)`
/** Any of the words: people ask in more words than a text has of theirs. */
const QUESTION = `(select replace(plainto_tsquery('english', ${WORDS})::text, ' & ', ' | ')::tsquery)`

const STATEMENT = `
with words as (
  select id, tbl, key, row_number() over (order by score desc, id) as rank from (
    select c.id, c.tbl, c.key, ts_rank(c.words, ${QUESTION}, 1) as score
    from search.chunk c where c.words @@ ${QUESTION} and ${VISIBLE}
    order by score desc, c.id limit ${CANDIDATES}
  ) best
),
names as (
  select id, tbl, key, row_number() over (order by score desc, id) as rank from (
    select c.id, c.tbl, c.key, sum(public.word_similarity(asked.word, c.names)) as score
    from (select distinct unnest(regexp_split_to_array(lower(${WORDS}), '[^[:alnum:]-]+')) as word) asked
    join search.chunk c on asked.word operator(public.<%) c.names
    where length(asked.word) >= ${LEAST_LETTERS} and c.names <> '' and ${VISIBLE}
    group by c.id order by score desc, c.id limit ${CANDIDATES}
  ) best
),
meaning as (
  select id, tbl, key, row_number() over (order by distance, id) as rank from (
    select c.id, c.tbl, c.key, v.vector operator(public.<#>) (select ${VECTOR}::text::public.vector) as distance
    from search.vector v join search.chunk c on c.id = v.chunk
    where v.stamp = ${STAMP}::int and ${VISIBLE}
      and v.vector operator(public.<#>) (select ${VECTOR}::text::public.vector) < -${LEAST_COSINE}
    order by distance, c.id limit ${CANDIDATES}
  ) best
),
fused as (
  select id, tbl, key, sum(share) as score, max(by_words) as by_words, max(by_names) as by_names, max(by_meaning) as by_meaning
  from (
    select id, tbl, key, ${share('words')} as share, rank as by_words, null::bigint as by_names, null::bigint as by_meaning from words
    union all select id, tbl, key, ${share('names')}, null, rank, null from names
    union all select id, tbl, key, ${share('meaning')}, null, null, rank from meaning
  ) ranked group by id, tbl, key
),
shown as (
  select * from (select distinct on (tbl, key) * from fused order by tbl, key, score desc, id) best
  order by score desc, id limit ${LIMIT}
)
select s.id, s.tbl, s.key, p.title, p.heading, p.body, s.score, s.by_words, s.by_names, s.by_meaning, p.sources
from shown s join search.passage p on p.chunk = s.id order by s.score desc, s.id`
