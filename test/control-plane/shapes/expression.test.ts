import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveShape } from '../../../control-plane/shapes/definition.ts'
import { evaluate } from '../../../control-plane/shapes/capture/match.ts'
import { parseRecord } from '../../../control-plane/shapes/capture/record-text.ts'
import { InvalidShapeRequest } from '../../../control-plane/shapes/errors.ts'
import { parseColumnList, parseTableName, quoteTable } from '../../../control-plane/shapes/identifiers.ts'
import { Bindings } from '../../../control-plane/shapes/expression/render.ts'
import { parseClause } from '../../../control-plane/shapes/expression/parse.ts'
import { SyntaxAt } from '../../../control-plane/shapes/expression/syntax-error.ts'
import { findRelation, type Relation } from '../../../control-plane/shapes/relation.ts'
import { conditionSql, fromSql } from '../../../control-plane/shapes/store/row-sql.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { openPglite, type Source } from './stage.ts'

const COLUMNS = {
  id: 'int4',
  big: 'int8',
  ratio: 'float8',
  amount: 'numeric',
  name: 'text',
  code: 'varchar(10)',
  fixed: 'char(4)',
  flag: 'bool',
  day: 'date',
  at: 'timestamptz',
  tags: 'text[]',
  doc: 'jsonb',
  uid: 'uuid',
  latin: 'text collate "C"',
  n: 'int4 default 7',
  row: 'text',
} as const

describe('where clauses', () => {
  let source: Source
  let db: Database
  let relation: Relation
  beforeAll(async () => {
    source = await openPglite()
    db = await source.connect()
    await db.script(`create table thing (${Object.entries(COLUMNS)
      .map(([name, type]) => `${name} ${type}`)
      .join(', ')}, primary key (id));
      insert into thing values
        (1, 10, 0.5, 1.50, 'seal', 'A-1', 'ab', true, '2026-01-01', '2026-01-01 10:00:00Z', '{x,y}', '{"kind":"pump","n":3}', '00000000-0000-0000-0000-000000000001', 'Zed'),
        (2, -5, 'NaN', 20, 'Valve ''9''', 'B-2', 'cd  ', false, '2026-02-01', '2026-02-01 10:00:00Z', '{}', '{"kind":"fan"}', '00000000-0000-0000-0000-000000000002', 'abc'),
        (3, null, null, null, '%_\\', null, null, null, null, null, null, null, null, null);`)
    const found = await findRelation(db, { schema: 'public', table: 'thing' })
    if (found === null) throw new Error('no table')
    relation = found
  }, 60_000)
  afterAll(async () => await source.remove())

  /** The rows by the table itself, and by the values that a log would have. */
  const both = async (where: string, params: Record<string, string> = {}) => {
    const { filter } = resolveShape(
      {
        schema: 'public',
        table: 'thing',
        columns: null,
        where,
        params,
        replica: 'default',
        log: 'full',
        scope: '',
      },
      relation,
    )
    const bindings = new Bindings()
    const condition = conditionSql([filter], bindings)
    const direct = await db.query<{ readonly id: number }>(
      `select id from ${fromSql(relation)} where ${condition} order by id`,
      bindings.values.map((value) => (typeof value === 'string' ? value : [...value])),
    )
    const records = await db.query<{ readonly row: string }>(
      'select (t.*)::text as row from thing t order by id',
    )
    const rows = records.map(({ row }) => {
      const fields = parseRecord(row)
      return new Map(relation.columns.map(({ name }, index) => [name, fields[index] ?? null]))
    })
    if (filter === null) throw new Error('no filter')
    const fits = await evaluate(db, filter, relation, rows)
    return {
      direct: direct.map(({ id }) => id),
      evaluated: rows.flatMap((row, index) => (fits[index] ? [Number(row.get('id'))] : [])),
    }
  }

  it.each<[string, Record<string, string>, readonly number[]]>([
    ['id = 1', {}, [1]],
    ['id <> $1 AND big IS NOT NULL', { 1: '1' }, [2]],
    ['id in (1, 3)', {}, [1, 3]],
    ['id not in ($1, $2)', { 1: '1', 2: '2' }, [3]],
    ['id between $1 and $2', { 1: '2', 2: '3' }, [2, 3]],
    [`name like 'V%'`, {}, [2]],
    [`name ilike 'SEAL' or name = 'Valve ''9'''`, {}, [1, 2]],
    [String.raw`name = '%_\'`, {}, [3]],
    ['name = $1', { 1: `Valve '9'` }, [2]],
    [`big * 2 + 1 > 0 and not (flag is false)`, {}, [1]],
    ['flag', {}, [1]],
    ['flag is not true', {}, [2, 3]],
    ['ratio is distinct from 0.5', {}, [2, 3]],
    [`day >= date '2026-01-15'`, {}, [2]],
    [`at < $1`, { 1: '2026-01-15T00:00:00Z' }, [1]],
    [`at::date = '2026-02-01'`, {}, [2]],
    [`'x' = any(tags)`, {}, [1]],
    [`tags @> array['y']`, {}, [1]],
    [`tags && $1`, { 1: '{y,z}' }, [1]],
    [`id = any($1)`, { 1: '{1,3}' }, [1, 3]],
    [`doc->>'kind' = 'pump' and (doc->>'n')::int > 2`, {}, [1]],
    [`doc @> '{"kind":"fan"}'`, {}, [2]],
    [`uid = '00000000-0000-0000-0000-000000000002'`, {}, [2]],
    [`uid::text like '%1'`, {}, [1]],
    [`lower(code) = 'a-1'`, {}, [1]],
    [`coalesce(code, 'none') = 'none'`, {}, [3]],
    [`length(name) > 4`, {}, [2]],
    [`latin < 'a'`, {}, [1]],
    [`fixed = 'cd'`, {}, [2]],
    [`(id, flag) in ((1, true), (2, true))`, {}, [1]],
    [`id % 2 = 1 and -id > -3`, {}, [1]],
    ['amount = 1.5', {}, [1]],
    ['cast(id as text) = $1', { 1: '2' }, [2]],
    ['true', {}, [1, 2, 3]],
    ['n = 7 and "row" is null', {}, [1, 2, 3]],
    ['n + id > 9', {}, [3]],
    ['1 = 0', {}, []],
    [`name similar to '(seal|valve)'`, {}, [1]],
    [`name ~ '^s'`, {}, [1]],
  ])('%s means the same over the table and over captured values', async (where, params, ids) => {
    expect(await both(where, params)).toEqual({ direct: ids, evaluated: ids })
  })

  it.each([
    'id = 1; drop table thing',
    'id = 1 --',
    'id = 1 /* x */',
    'exists (select 1)',
    'id in (select 1)',
    '(select true)',
    `name = E'\\x27'`,
    'name = $$x$$',
    'pg_sleep(1) is null',
    'now() > at',
    `pg_read_file('/etc/passwd') = ''`,
    `current_setting('x') = ''`,
    'thing.id = 1',
    'id = 1 union select 1',
    `'thing'::regclass is not null`,
    `'x'::pg_catalog.text = ''`,
    'id = ',
    'id = = 1',
    '((id = 1)',
    'id = 1)',
    'a b',
    '',
    'id is',
    'not',
    'case when true then true end',
    'id = $0',
    '$1',
    `U&'x' = ''`,
    `"thing"."id" = 1`,
    'xmin = 1',
    'ctid is null',
    'tableoid = 1',
    'version() = name',
    'id = 1 group by id',
    'id = 1 limit 1',
    'id operator(pg_catalog.=) 1',
    'row_to_json(thing) is null',
    `${'('.repeat(200)}1${')'.repeat(200)} = 1`,
  ])('refuses %j', async (where) => {
    await expect(both(where, { 1: 'x' })).rejects.toThrow()
    expect(() =>
      resolveShape(
        {
          schema: 'public',
          table: 'thing',
          columns: null,
          where,
          params: {},
          replica: 'default',
          log: 'full',
          scope: '',
        },
        relation,
      ),
    ).toThrow(InvalidShapeRequest)
  })

  it('a value never escapes its place, whatever it holds (property)', async () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        `' or true --`,
        `'; drop table thing; --`,
        `\\'; select 1`,
        `$1`,
        `$$`,
        `"`,
        `' || (select 'x') || '`,
        `%`,
        String.raw`\\`,
        `1) or (1=1`,
      ),
    )
    await fc.assert(
      fc.asyncProperty(nasty, nasty, async (one, other) => {
        const usable = [one, other].every((text) => !text.includes('\0') && text.isWellFormed())
        const asked = both(`name = $1 or code = $2 or name = '${one.replaceAll("'", "''")}'`, {
          1: one,
          2: other,
        })
        if (!usable) await expect(asked).rejects.toThrow()
        else {
          const expected = ['seal', `Valve '9'`, '%_\\'].flatMap((name, index) =>
            name === one ? [index + 1] : [],
          )
          const codes = ['A-1', 'B-2'].flatMap((code, index) => (code === other ? [index + 1] : []))
          const ids = [...new Set([...expected, ...codes])].toSorted((a, b) => a - b)
          expect(await asked).toEqual({ direct: ids, evaluated: ids })
        }
      }),
      { numRuns: 150 },
    )
    expect(await db.query('select count(*)::int4 as count from thing')).toEqual([{ count: 3 }])
  }, 60_000)

  it('any text is either read or refused with a place, in bounded time (property)', () => {
    const words = fc.constantFrom(
      'id',
      '=',
      '(',
      ')',
      'and',
      'or',
      'not',
      '1',
      `'x'`,
      '$1',
      'in',
      'between',
      'is',
      'null',
      'like',
      '::',
      'int',
      ',',
      '[',
      ']',
      'any',
      'array',
      '-',
      '"',
      "'",
      ';',
      '--',
      '\\',
    )
    const text = fc.oneof(
      fc.array(words, { maxLength: 30 }).map((parts) => parts.join(' ')),
      fc.string({ unit: 'grapheme' }),
    )
    fc.assert(
      fc.property(text, (clause) => {
        try {
          parseClause(clause)
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxAt)
          expect((error as SyntaxAt).message).toMatch(/^At location \d+: /)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('names', () => {
  it('are folded unless quoted, and never pasted as they came', () => {
    expect(parseTableName('Issues')).toEqual({ schema: 'public', table: 'issues' })
    expect(parseTableName('Foo."Bar ""x""; drop"')).toEqual({ schema: 'foo', table: 'Bar "x"; drop' })
    expect(quoteTable({ schema: 'a"b', table: 'c' })).toBe('"a""b"."c"')
    expect(parseColumnList('id, "Status-Check" ,Title', 'columns')).toEqual(['id', 'Status-Check', 'title'])
  })

  it.each(['', '.', 'a.', 'a.b.c', 'a b', 'a;b', '"a', '""', 'a--b', 'a'.repeat(64), '1a'])(
    'such as %j are refused',
    (name) => {
      expect(() => parseTableName(name)).toThrow(InvalidShapeRequest)
    },
  )
})

describe('rows as PostgreSQL writes them', () => {
  it('are read back field by field (property)', async () => {
    const source = await openPglite()
    const db = await source.connect()
    const field = fc.option(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('', ',', '"', '\\', '()', ' ', 'NULL', '\n', '""', '\\"'),
      ),
      { nil: null },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 6 }), async (fields) => {
        const usable = fields.map((text) => (text === null ? null : text.replaceAll('\0', '').toWellFormed()))
        const list = usable.map((_, index) => `$${index + 1}::text`).join(', ')
        const [row] = await db.query<{ readonly text: string }>(`select row(${list})::text as text`, usable)
        expect(parseRecord(row?.text ?? '')).toEqual(usable)
      }),
      { numRuns: 100 },
    )
    await source.remove()
  }, 60_000)
})
