/**
 * Domains in the form of published command benchmarks: `context` with `expressions`, `slots` and `macros`. In an expression
 * `[this, that]` are alternatives, `(maybe)` is optional, `$kind:name` stands for a slot and `@name` for a macro.
 */
import * as v from 'valibot'
import type { Domain, SlotSpec } from './domain.ts'
import { checkNames, type Layout } from './domain-checks.ts'
import { readExpression, type SlotUse } from './expression.ts'
import { issueIn } from './domain-issues.ts'
import { saidWords } from './said-words.ts'
import { sayCardinal } from './spoken-numbers.ts'
import { TemplateRefused, type TemplateNode } from './template.ts'
import type { YamlFile, YamlPath } from './yaml-places.ts'

const Expressions = v.pipe(v.array(v.string()), v.minLength(1, 'at least one must be here'))
const Values = v.pipe(
  v.array(v.union([v.string(), v.number()], 'a value is a text')),
  v.minLength(1, 'at least one must be here'),
)
const FileSchema = v.object({
  context: v.strictObject({
    expressions: v.record(v.string(), Expressions),
    slots: v.optional(v.nullable(v.record(v.string(), Values)), null),
    macros: v.optional(v.nullable(v.record(v.string(), Expressions)), null),
  }),
})
type Context = v.InferOutput<typeof FileSchema>['context']

export function isExpressionFormat(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'context' in value
}

/** Throws DomainRefused, naming the place. */
export function readExpressionFormat(yaml: YamlFile, name: string): Domain {
  const parsed = v.safeParse(FileSchema, yaml.value)
  if (!parsed.success) issueIn(yaml, parsed.issues[0])
  const { context } = parsed.output
  const reader = new ExpressionReader(yaml, context)
  const phrases = Object.entries(context.macros ?? {}).map(
    ([macro, options]) => [macro, choiceOf(reader.read(['context', 'macros', macro], options))] as const,
  )
  const intents = Object.entries(context.expressions).map(([intent, expressions]) => ({
    name: intent,
    effectful: true,
    mayBeAsked: false,
    phrase: saidWords(intent.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ')).join(' '),
    required: [],
    thresholds: { act: null, ask: null },
    templates: reader.read(['context', 'expressions', intent], expressions),
  }))
  const domain: Domain = {
    name,
    version: '1.0.0',
    // Published sets count a sentence that is more than its expression as wrong.
    polite: false,
    slots: reader.slots(),
    phrases: Object.fromEntries(phrases),
    intents,
    pronunciations: {},
  }
  checkNames(yaml, domain, LAYOUT)
  return domain
}

const LAYOUT: Layout = {
  intents: ['context', 'expressions'],
  templates: (intent) => ['context', 'expressions', intent],
  phrases: ['context', 'macros'],
}

function choiceOf(options: readonly TemplateNode[]): TemplateNode {
  const [only] = options
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options }
}

/** Reads expressions and remembers what slots they use: a name that stands for two kinds is one slot a kind. */
class ExpressionReader {
  readonly #yaml: YamlFile
  readonly #context: Context
  readonly #kindsOf = new Map<string, string[]>()

  constructor(yaml: YamlFile, context: Context) {
    this.#yaml = yaml
    this.#context = context
  }

  read(path: YamlPath, expressions: readonly string[]): readonly TemplateNode[] {
    return expressions.map((expression, index) => {
      try {
        return readExpression(expression, {
          slot: (use, at) => this.#slot([...path, index], use, at),
          macro: (macro, at) => this.#macro([...path, index], macro, at),
        })
      } catch (thrown) {
        if (!(thrown instanceof TemplateRefused)) throw thrown
        const { why, remedy } = thrown
        return this.#yaml.refuseWithin([...path, index], thrown.column - 1, { why, remedy })
      }
    })
  }

  slots(): Record<string, SlotSpec> {
    return Object.fromEntries(
      [...this.#kindsOf].flatMap(([name, kinds]) =>
        kinds.map((kind, index) => [keyOf(name, kind, index), this.#specOf(kind)] as const),
      ),
    )
  }

  #slot(path: YamlPath, { kind, name }: SlotUse, at: number): TemplateNode {
    if (this.#valuesOf(kind) === null)
      this.#yaml.refuseWithin(path, at, {
        why: `there is no slot “${kind}”`,
        remedy: `Define it under context.slots, or use one of ${Object.keys(BUILT_IN).join(', ')}.`,
      })
    const kinds = this.#kindsOf.get(name) ?? []
    if (!kinds.includes(kind)) kinds.push(kind)
    this.#kindsOf.set(name, kinds)
    const key = keyOf(name, kind, kinds.indexOf(kind))
    return { kind: 'slot', slot: key, ...(key === name ? {} : { as: name }) }
  }

  #macro(path: YamlPath, macro: string, at: number): TemplateNode {
    if (!Object.hasOwn(this.#context.macros ?? {}, macro))
      this.#yaml.refuseWithin(path, at, {
        why: `there is no macro “${macro}”`,
        remedy: 'Define it under context.macros.',
      })
    return { kind: 'phrase', phrase: macro }
  }

  #valuesOf(kind: string): readonly string[] | null {
    const { slots } = this.#context
    if (slots !== null && Object.hasOwn(slots, kind)) return (slots[kind] ?? []).map(String)
    return Object.hasOwn(BUILT_IN, kind) ? (BUILT_IN[kind]?.() ?? null) : null
  }

  #specOf(kind: string): SlotSpec {
    const values = (this.#valuesOf(kind) ?? []).map((value) => [value, []] as const)
    return { type: 'list', values: Object.fromEntries(values) }
  }
}

/** The first kind of a name has the name itself. */
function keyOf(name: string, kind: string, index: number): string {
  return index === 0 ? name : `${name}.${kind}`
}

const upTo = (last: number): readonly string[] =>
  Array.from({ length: last + 1 }, (_, value) => String(value))

/** Slots that the form knows without a definition, and every value of each. */
const BUILT_IN: Readonly<Record<string, () => readonly string[]>> = {
  'pv.SingleDigitInteger': () => upTo(9),
  'pv.TwoDigitInteger': () => upTo(99),
  'pv.Percent': () => upTo(100).map((value) => `${value}%`),
  'pv.SingleDigitOrdinal': () => upTo(9).slice(1).map(ordinal),
  'pv.TwoDigitOrdinal': () => upTo(99).slice(1).map(ordinal),
}

const IRREGULAR: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
}

function ordinal(text: string): string {
  const words = sayCardinal(Number(text))
  const last = words.at(-1) ?? ''
  const ending = IRREGULAR[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`)
  return [...words.slice(0, -1), ending].join(' ')
}
