/** What of a synced row can be searched, who may read it, and when it held. Pure; a table without an entry is not searched. */
import { ROW_SCHEMAS, type ContextTable, type RowOf } from '../../shared/context/tables.ts'
import { dataClassOf } from '../../shared/context/data-class.ts'
import type { Source } from '../../shared/context/knowledge.ts'
import type { DataClass } from '../../shared/kernel/contract.ts'
import * as v from 'valibot'

export interface SearchableText {
  readonly title: string
  /** Names and numbers that are spelled rather than read: tags, part numbers, other names. */
  readonly names: readonly string[]
  readonly text: string
  /** False for what has a name and no sentences: it is found by words and spelling. One word alone is near to every text about it. */
  readonly prose: boolean
  readonly times: Times
  readonly sources: readonly Source[]
}

/** ISO 8601; null where a row does not say. */
export interface Times {
  readonly validFrom: string | null
  readonly validTo: string | null
  readonly recordedAt: string | null
  readonly retractedAt: string | null
}

export interface Readers {
  readonly dataClass: DataClass
  /** Roles, any of which may read it; none: all. */
  readonly roles: readonly string[]
}

const UNTIMED: Times = { validFrom: null, validTo: null, recordedAt: null, retractedAt: null }

type TextsOf = { readonly [T in ContextTable]?: (row: RowOf<T>) => SearchableText }

const since = (time: string): Times => ({ ...UNTIMED, validFrom: time, recordedAt: time })

const TEXTS = {
  document: ({ title, text, validFrom, validTo, recordedAt, retractedAt, sources }) => ({
    title,
    names: [],
    text,
    prose: true,
    times: { validFrom, validTo, recordedAt, retractedAt },
    sources,
  }),
  node: ({ name, kind, aliases, properties, validFrom, validTo, recordedAt, retractedAt, sources }) => ({
    title: name,
    names: aliases,
    text: [kind, ...aliases, ...Object.entries(properties).map(([key, value]) => `${key}: ${value}`)].join(
      '. ',
    ),
    prose: false,
    times: { validFrom, validTo, recordedAt, retractedAt },
    sources,
  }),
  asset: ({ name, tag, kind, location, aliases }) => ({
    title: name,
    names: [tag, ...aliases],
    text: `${kind} ${tag}, ${location}. ${aliases.join(', ')}`,
    prose: false,
    times: UNTIMED,
    sources: [],
  }),
  part: ({ name, number, aliases }) => ({
    title: name,
    names: [number, ...aliases],
    text: `part ${number}. ${aliases.join(', ')}`,
    prose: false,
    times: UNTIMED,
    sources: [],
  }),
  procedure: ({ title, assetKind }) => ({
    title,
    names: [],
    text: `Procedure for ${assetKind}`,
    prose: false,
    times: UNTIMED,
    sources: [],
  }),
  step: ({ number, text }) => ({
    title: `Step ${number}`,
    names: [],
    text,
    prose: true,
    times: UNTIMED,
    sources: [],
  }),
  work_order: ({ number, title, description, openedAt }) => ({
    title,
    names: [number],
    text: description === '' ? title : description,
    prose: true,
    times: since(openedAt),
    sources: [],
  }),
  note: ({ text, writtenAt, withdrawn }) => ({
    title: 'Note',
    names: [],
    text: withdrawn ? '' : text,
    prose: true,
    times: since(writtenAt),
    sources: [],
  }),
} as const satisfies TextsOf

export const SEARCHED_TABLES: readonly ContextTable[] = Object.keys(TEXTS) as (keyof typeof TEXTS)[]

/** Null for a row that has nothing to search: of another table, withdrawn, or of a shape that this version does not know. */
export function searchableText(
  table: ContextTable,
  body: unknown,
): { readonly text: SearchableText; readonly readers: Readers } | null {
  const parsed = v.safeParse(ROW_SCHEMAS[table], body)
  if (!parsed.success || !Object.hasOwn(TEXTS, table)) return null
  // The schema of `table` is what its entry takes; TypeScript does not follow the two through one name.
  const textOf = TEXTS[table as keyof typeof TEXTS] as (row: unknown) => SearchableText
  const text = textOf(parsed.output)
  if (text.text === '') return null
  const readers = 'readers' in parsed.output ? parsed.output.readers : []
  return { text, readers: { dataClass: dataClassOf(table, parsed.output), roles: readers } }
}
