/** The documents and questions of the bench `search`, made from `corpus.yaml` by a seed: the same on every machine. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { RowOf } from '../../../shared/context/tables.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { pick, seeded } from '../../../shared/seeded.ts'

const Lines = v.pipe(v.array(v.string()), v.minLength(1))
const Topic = v.strictObject({ title: v.string(), says: Lines, asked: Lines })
const CorpusFile = v.strictObject({
  makes: Lines,
  kinds: v.array(v.strictObject({ name: v.string(), called: v.string() })),
  tuning: v.array(Topic),
  heldOut: v.array(Topic),
  filler: Lines,
})
type Topic = v.InferOutput<typeof Topic>

export interface CorpusDocument {
  readonly key: string
  readonly body: RowOf<'document'>
}

export interface Question {
  readonly text: string
  /** Keys of the documents that answer it. */
  readonly answers: ReadonlySet<string>
}

export interface Corpus {
  readonly documents: readonly CorpusDocument[]
  readonly tuning: readonly Question[]
  readonly heldOut: readonly Question[]
}

const SEED = 4_111
const WRITTEN_AT = '2026-01-05T08:00:00.000Z'
/** Sentences that answer nothing, in each document. */
const FILLERS = 2

/** `size` documents: each of a machine, a make and a topic, in sentences of their own order among others that stand anywhere. */
export function makeCorpus(size: number): Corpus {
  const file = v.parse(
    CorpusFile,
    parse(readFileSync(new URL('test/bench/search/corpus.yaml', packageRoot()), 'utf8')),
  )
  const random = seeded(SEED)
  const topics = [...file.tuning, ...file.heldOut]
  const pairs = file.kinds.flatMap((kind) => topics.map((topic) => ({ kind, topic })))
  const documents: CorpusDocument[] = []
  const answers = new Map<string, Set<string>>()
  for (let number = 0; number < size; number++) {
    const { kind, topic } = pairs[number % pairs.length] ?? { kind: file.kinds[0], topic: topics[0] }
    if (kind === undefined || topic === undefined) break
    const key = `doc-${number}`
    const make = pick(file.makes, random)
    const fillers = Array.from({ length: FILLERS }, () => pick(file.filler, random))
    const sentences = shuffled([...topic.says, ...fillers], random)
    documents.push({
      key,
      body: documentOf(`${topic.title}: ${make} ${kind.name}`, sentences.join(' '), key),
    })
    const pair = `${kind.name}/${topic.title}`
    answers.set(pair, (answers.get(pair) ?? new Set()).add(key))
  }
  const questionsOf = (asked: readonly Topic[]): readonly Question[] =>
    asked.flatMap((topic) =>
      file.kinds.flatMap((kind) =>
        topic.asked.map((question, at) => ({
          // Every other question calls the machine by its other name.
          text: question.replaceAll('{kind}', at % 2 === 0 ? kind.name : kind.called),
          answers: answers.get(`${kind.name}/${topic.title}`) ?? new Set<string>(),
        })),
      ),
    )
  return { documents, tuning: questionsOf(file.tuning), heldOut: questionsOf(file.heldOut) }
}

function documentOf(title: string, text: string, key: string): RowOf<'document'> {
  return {
    title,
    kind: 'manual',
    text,
    validFrom: WRITTEN_AT,
    validTo: null,
    recordedAt: WRITTEN_AT,
    retractedAt: null,
    sources: [{ system: 'bench', record: key }],
    dataClass: 'internal',
    readers: [],
  }
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
