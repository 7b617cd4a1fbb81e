/** What a where clause may say, as a tree. Whatever has no node here cannot reach the database. */

/** In arithmetic, text, arrays and JSON: PostgreSQL's own operators, by their symbol. */
export const OPERATORS = [
  '=',
  '<>',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '||',
  '~',
  '~*',
  '!~',
  '!~*',
  '~~',
  '!~~',
  '~~*',
  '!~~*',
  '@>',
  '<@',
  '&&',
  '->',
  '->>',
  '#>',
  '#>>',
  '&',
  '|',
  '#',
  '<<',
  '>>',
] as const
export type Operator = (typeof OPERATORS)[number]

export type Expression =
  | { readonly kind: 'column'; readonly name: string; readonly at: number }
  | { readonly kind: 'text'; readonly value: string }
  /** Digits as they were written; the reader of tokens lets nothing else through. */
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'constant'; readonly value: 'true' | 'false' | 'null' }
  | { readonly kind: 'parameter'; readonly index: number; readonly at: number }
  | { readonly kind: 'sign'; readonly sign: '-' | '+'; readonly operand: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | {
      readonly kind: 'logic'
      readonly word: 'and' | 'or'
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'operator'
      readonly operator: Operator
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'in'
      readonly isNegated: boolean
      readonly operand: Expression
      readonly list: readonly Expression[]
    }
  | {
      readonly kind: 'between'
      readonly isNegated: boolean
      readonly isSymmetric: boolean
      readonly operand: Expression
      readonly low: Expression
      readonly high: Expression
    }
  | {
      readonly kind: 'is'
      readonly isNegated: boolean
      readonly what: 'null' | 'true' | 'false' | 'unknown'
      readonly operand: Expression
    }
  | {
      readonly kind: 'distinct'
      readonly isNegated: boolean
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'like'
      readonly word: 'like' | 'ilike' | 'similar to'
      readonly isNegated: boolean
      readonly operand: Expression
      readonly pattern: Expression
      readonly escape: Expression | null
    }
  | {
      readonly kind: 'quantified'
      readonly operator: Operator
      readonly quantifier: 'any' | 'all'
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: CastType }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | { readonly kind: 'row'; readonly items: readonly Expression[] }

export interface CastType {
  /** One of {@link CAST_TYPES}, in PostgreSQL's internal spelling, or a type of the user's. */
  readonly name: string
  readonly schema: string | null
  readonly isBuiltIn: boolean
  readonly dimensions: number
}

/** Types that a clause may cast to, by the spellings of SQL. Not the `reg…` types: they read the catalogue. */
export const CAST_TYPES: ReadonlyMap<string, string> = new Map([
  ['int2', 'int2'],
  ['smallint', 'int2'],
  ['int4', 'int4'],
  ['int', 'int4'],
  ['integer', 'int4'],
  ['int8', 'int8'],
  ['bigint', 'int8'],
  ['float4', 'float4'],
  ['real', 'float4'],
  ['float8', 'float8'],
  ['double precision', 'float8'],
  ['float', 'float8'],
  ['numeric', 'numeric'],
  ['decimal', 'numeric'],
  ['bool', 'bool'],
  ['boolean', 'bool'],
  ['text', 'text'],
  ['varchar', 'varchar'],
  ['character varying', 'varchar'],
  ['citext', 'citext'],
  ['bpchar', 'bpchar'],
  ['uuid', 'uuid'],
  ['bytea', 'bytea'],
  ['date', 'date'],
  ['time', 'time'],
  ['time without time zone', 'time'],
  ['timetz', 'timetz'],
  ['time with time zone', 'timetz'],
  ['timestamp', 'timestamp'],
  ['timestamp without time zone', 'timestamp'],
  ['timestamptz', 'timestamptz'],
  ['timestamp with time zone', 'timestamptz'],
  ['interval', 'interval'],
  ['json', 'json'],
  ['jsonb', 'jsonb'],
  ['inet', 'inet'],
])

/** Functions whose answer depends on their operands alone. True: special syntax of SQL, which takes no schema before it. */
export const FUNCTIONS: ReadonlyMap<string, boolean> = new Map([
  ['coalesce', true],
  ['nullif', true],
  ['greatest', true],
  ['least', true],
  ...[
    'abs',
    'ceil',
    'ceiling',
    'floor',
    'round',
    'trunc',
    'sign',
    'mod',
    'sqrt',
    'power',
    'lower',
    'upper',
    'initcap',
    'length',
    'char_length',
    'octet_length',
    'btrim',
    'ltrim',
    'rtrim',
    'lpad',
    'rpad',
    'left',
    'right',
    'substr',
    'substring',
    'strpos',
    'replace',
    'reverse',
    'repeat',
    'split_part',
    'starts_with',
    'md5',
    'array_length',
    'array_ndims',
    'array_position',
    'array_remove',
    'array_append',
    'cardinality',
    'jsonb_array_length',
    'json_array_length',
    'jsonb_typeof',
    'jsonb_extract_path_text',
    'jsonb_exists',
    'date_part',
    'date_trunc',
    'num_nonnulls',
    'num_nulls',
  ].map((name) => [name, false] as const),
])
