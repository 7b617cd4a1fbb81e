/** Starling's own form of a domain file: see edge-agent/domains/README.md. */
import * as v from 'valibot'
import type { Domain, DomainIntent, NumberRange, SlotSpec } from './domain.ts'
import { checkNames, checkUses, type Layout } from './domain-checks.ts'
import { issueIn } from './domain-issues.ts'
import { PHONE_NAMES } from './phone-names.ts'
import { saidWords } from './said-words.ts'
import { parseTemplate, TemplateRefused, type TemplateNode } from './template.ts'
import type { YamlFile, YamlPath } from './yaml-places.ts'

const Text = v.pipe(
  v.string(),
  v.minLength(1, 'it is empty'),
  v.maxLength(2_000, 'it has more than 2,000 characters'),
)
const IntentName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/, 'a name has letters, digits, _ and dots'),
)
const Name = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name has letters, digits and _'))
const OneOrMore = v.union(
  [Text, v.pipe(v.array(Text), v.minLength(1, 'the list is empty'))],
  'it is a text or a list of texts',
)
const Probability = v.pipe(
  v.number('it is a number from 0 to 1'),
  v.minValue(0, 'it is a number from 0 to 1'),
  v.maxValue(1, 'it is a number from 0 to 1'),
)
const Thresholds = v.strictObject({ act: v.optional(Probability), ask: v.optional(Probability) })
/** Larger numbers are numbers of things, said digit by digit. */
const Whole = v.pipe(
  v.number('it is a whole number'),
  v.integer('it is a whole number'),
  v.minValue(-999_999, 'numbers are said from -999,999'),
  v.maxValue(999_999, 'numbers are said to 999,999'),
)
const Length = v.pipe(
  v.number('it is a count of digits'),
  v.integer(),
  v.minValue(1, 'it is at least 1'),
  v.maxValue(20, 'it is at most 20'),
)

const SlotSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('digits'),
    from: v.optional(v.picklist(['work_orders'], 'it is work_orders: what the device knows')),
    length: v.optional(v.union([Length, v.strictObject({ from: Length, to: Length })])),
  }),
  v.strictObject({ type: v.literal('number'), from: v.optional(Whole), to: v.optional(Whole) }),
  v.strictObject({ type: v.literal('count'), from: v.optional(Whole), to: v.optional(Whole) }),
  v.strictObject({ type: v.literal('text') }),
  v.strictObject({ type: v.literal('datetime') }),
  v.strictObject({
    type: v.literal('list'),
    from: v.optional(v.picklist(['assets', 'parts'], 'it is assets or parts: what the device knows')),
    values: v.optional(
      v.union(
        [
          v.array(v.union([Text, v.number()])),
          v.record(v.string(), v.nullable(v.union([Text, v.array(Text)]))),
        ],
        'it is a list of values, or a map from values to other ways of saying each',
      ),
    ),
  }),
])

const IntentSchema = v.strictObject({
  effectful: v.optional(v.boolean(), true),
  mayBeAsked: v.optional(v.boolean(), false),
  phrase: v.optional(Text),
  required: v.optional(v.array(v.string()), []),
  thresholds: v.optional(Thresholds, {}),
  templates: v.pipe(
    v.array(Text),
    v.minLength(1, 'an intent needs at least one template'),
    v.maxLength(500, 'more than 500 templates'),
  ),
})

const DomainSchema = v.strictObject({
  domain: v.pipe(
    v.string(),
    v.regex(
      /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
      'a domain has a name of lower-case letters, digits and -',
    ),
  ),
  version: v.optional(
    v.union(
      [
        v.pipe(v.number(), v.integer(), v.minValue(0)),
        v.pipe(v.string(), v.regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/)),
      ],
      'a version is a whole number or three numbers: 1.4.0',
    ),
    1,
  ),
  polite: v.optional(v.boolean(), true),
  thresholds: v.optional(Thresholds, {}),
  phrases: v.optional(v.record(Name, Text), {}),
  slots: v.optional(v.record(Name, SlotSchema), {}),
  intents: v.record(IntentName, IntentSchema),
  pronunciations: v.optional(v.record(v.string(), OneOrMore), {}),
})
type Written = v.InferOutput<typeof DomainSchema>

const LAYOUT: Layout = {
  intents: ['intents'],
  templates: (intent) => ['intents', intent, 'templates'],
  phrases: ['phrases'],
}

/** Throws DomainRefused, naming the place. */
export function readDomainFormat(yaml: YamlFile): Domain {
  const parsed = v.safeParse(DomainSchema, yaml.value)
  if (!parsed.success) issueIn(yaml, parsed.issues[0])
  const written = parsed.output
  const phrases = Object.fromEntries(
    Object.entries(written.phrases).map(([name, text]) => [name, template(yaml, ['phrases', name], text)]),
  )
  const slots = Object.entries(written.slots).map(([name, slot]) => [name, slotOf(yaml, name, slot)] as const)
  const intents = Object.entries(written.intents).map(([name, intent]) =>
    intentOf(yaml, name, { intent, written }),
  )
  const domain: Domain = {
    name: written.domain,
    version: typeof written.version === 'number' ? `${written.version}.0.0` : written.version,
    polite: written.polite,
    slots: Object.fromEntries(slots),
    phrases,
    intents,
    pronunciations: pronunciationsOf(yaml, written),
  }
  checkUses(yaml, domain, checkNames(yaml, domain, LAYOUT))
  return domain
}

function template(yaml: YamlFile, path: YamlPath, text: string): TemplateNode {
  try {
    return parseTemplate(text)
  } catch (thrown) {
    if (!(thrown instanceof TemplateRefused)) throw thrown
    const { why, remedy } = thrown
    return yaml.refuseWithin(path, thrown.column - 1, { why, remedy })
  }
}

function intentOf(
  yaml: YamlFile,
  name: string,
  { intent, written }: { readonly intent: Written['intents'][string]; readonly written: Written },
): DomainIntent {
  const { act, ask } = { ...written.thresholds, ...intent.thresholds }
  if (act !== undefined && ask !== undefined && ask > act)
    yaml.refuse(
      intent.thresholds.ask === undefined && intent.thresholds.act === undefined
        ? ['thresholds']
        : ['intents', name, 'thresholds'],
      `ask (${ask}) is above act (${act})`,
      'The device asks back between the two: write the smaller number for ask.',
    )
  return {
    name,
    effectful: intent.effectful,
    mayBeAsked: intent.mayBeAsked,
    phrase:
      intent.phrase ??
      saidWords(name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll(/[_.]/g, ' ')).join(' '),
    required: intent.required,
    thresholds: { act: act ?? null, ask: ask ?? null },
    templates: intent.templates.map((text, index) =>
      template(yaml, ['intents', name, 'templates', index], text),
    ),
  }
}

function slotOf(yaml: YamlFile, name: string, slot: Written['slots'][string]): SlotSpec {
  switch (slot.type) {
    case 'text':
    case 'datetime':
      return { type: slot.type }
    case 'number':
    case 'count': {
      const range = rangeOf(yaml, name, slot)
      return range === null ? { type: slot.type } : { type: slot.type, range }
    }
    case 'digits': {
      const { from } = slot
      const length = typeof slot.length === 'number' ? { from: slot.length, to: slot.length } : slot.length
      if (length !== undefined && length.from > length.to)
        yaml.refuse(
          ['slots', name, 'length'],
          `the length goes from ${length.from} down to ${length.to}`,
          'Write the smaller number first.',
        )
      return {
        type: 'digits',
        ...(from === undefined ? {} : { from }),
        ...(length === undefined ? {} : { length }),
      }
    }
    case 'list':
      return listOf(yaml, name, slot)
  }
}

function rangeOf(
  yaml: YamlFile,
  name: string,
  slot: {
    readonly type: 'number' | 'count'
    readonly from?: number | undefined
    readonly to?: number | undefined
  },
): NumberRange | null {
  const { from, to } = slot
  if (from === undefined && to === undefined) return null
  if (from === undefined || to === undefined)
    return yaml.refuse(['slots', name], `the range of “${name}” has one end`, 'Write both: from and to.')
  if (from > to)
    yaml.refuse(
      ['slots', name, 'from'],
      `the range goes from ${from} down to ${to}`,
      'Write the smaller number as from.',
    )
  if (slot.type === 'count' && from < 0)
    yaml.refuse(
      ['slots', name, 'from'],
      'a count is not negative',
      'Use the type number for negative values.',
    )
  return { from, to }
}

function listOf(
  yaml: YamlFile,
  name: string,
  slot: Extract<Written['slots'][string], { type: 'list' }>,
): SlotSpec {
  const { values = {}, from } = slot
  const path: YamlPath = ['slots', name, 'values']
  const entries = Array.isArray(values)
    ? values.map((value, index) => [String(value), [] as string[], [...path, index]] as const)
    : Object.entries(values).map(
        ([value, others]) =>
          [value, typeof others === 'string' ? [others] : (others ?? []), [...path, value]] as const,
      )
  if (entries.length === 0 && from === undefined)
    yaml.refuse(
      ['slots', name],
      `the list “${name}” is empty`,
      'Write its values, or where they come from: assets or parts.',
    )
  const seen = new Set<string>()
  for (const [value, others, at] of entries) {
    if (seen.has(value)) yaml.refuse(at, `“${value}” is in the list twice`, 'Take one out.')
    seen.add(value)
    for (const text of [value, ...others])
      if (saidWords(text).length === 0) yaml.refuse(at, `“${text}” cannot be said`, 'Write it in words.')
  }
  return {
    type: 'list',
    ...(from === undefined ? {} : { from }),
    values: Object.fromEntries(entries.map(([value, others]) => [value, others])),
  }
}

function pronunciationsOf(yaml: YamlFile, written: Written): Domain['pronunciations'] {
  return Object.fromEntries(
    Object.entries(written.pronunciations).map(([word, given]) => {
      const path: YamlPath = ['pronunciations', word]
      const words = saidWords(word)
      if (words.length !== 1)
        yaml.refuseKey(
          path,
          `“${word}” is not one word`,
          'Give each of its words a pronunciation of its own.',
        )
      const variants = typeof given === 'string' ? [given] : given
      variants.forEach((phones, index) => {
        const unknown = [...phones.matchAll(/\S+/g)].find(
          ([phone]) => !PHONE_NAMES.has(phone.toUpperCase().replace(/[0-2]$/, '')),
        )
        if (unknown === undefined) return
        yaml.refuseWithin(typeof given === 'string' ? path : [...path, index], unknown.index, {
          why: `“${unknown[0]}” is not a phone`,
          remedy: `Use the phones of the CMU dictionary, for instance "P AH M P": ${[...PHONE_NAMES].join(' ')}.`,
        })
      })
      return [words[0] ?? word, variants]
    }),
  )
}
