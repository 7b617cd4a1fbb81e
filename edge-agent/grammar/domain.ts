/** A domain: what people may want, how they say it, what each wish needs. Written as YAML; errors name line and column. */
import * as v from 'valibot'
import { LineCounter, parseDocument, type Document } from 'yaml'
import { StarlingError } from '../../shared/errors.ts'
import { parseTemplate, TemplateRefused, type TemplateNode } from './template.ts'

export class DomainRefused extends StarlingError {
  override readonly code = 'domain_refused'

  constructor(place: { readonly line: number; readonly column: number } | null, why: string, remedy: string) {
    super(place === null ? why : `line ${place.line}, column ${place.column}: ${why}`, {
      remedy,
      details: { ...place },
    })
  }
}

/** A domain is written by people; a larger file is something else. */
const MAX_DOMAIN_BYTES = 512 * 1024

const Name = v.pipe(
  v.string(),
  v.regex(/^[a-z_]+(?:\.[a-z_]+)*$/, 'a name has lower-case letters, _ and dots'),
)
const Phrase = v.pipe(v.string(), v.minLength(1), v.maxLength(2_000))

const SlotSchema = v.variant('type', [
  v.strictObject({ type: v.literal('digits'), from: v.optional(v.picklist(['work_orders'])) }),
  v.strictObject({ type: v.literal('number') }),
  v.strictObject({ type: v.literal('count') }),
  v.strictObject({ type: v.literal('text') }),
  v.strictObject({
    type: v.literal('list'),
    from: v.optional(v.picklist(['assets', 'parts'])),
    /** Value -> other ways of saying it; the value itself is one. */
    values: v.optional(v.record(v.string(), v.array(v.string())), {}),
  }),
])
export type SlotSpec = v.InferOutput<typeof SlotSchema>

const IntentSchema = v.strictObject({
  /** True when it changes something: then doubt asks back. */
  effectful: v.boolean(),
  /** How the device says it back. */
  phrase: Phrase,
  required: v.optional(v.array(v.string()), []),
  templates: v.pipe(v.array(Phrase), v.minLength(1), v.maxLength(200)),
})

const DomainSchema = v.strictObject({
  domain: v.pipe(v.string(), v.regex(/^[a-z0-9-]+$/)),
  version: v.number(),
  phrases: v.optional(v.record(v.string(), Phrase), {}),
  slots: v.record(v.string(), SlotSchema),
  intents: v.record(Name, IntentSchema),
  pronunciations: v.optional(v.record(v.string(), v.array(v.string())), {}),
})

export interface DomainIntent {
  readonly name: string
  readonly effectful: boolean
  readonly phrase: string
  readonly required: readonly string[]
  readonly templates: readonly TemplateNode[]
}

export interface Domain {
  readonly name: string
  readonly slots: Readonly<Record<string, SlotSpec>>
  readonly phrases: Readonly<Record<string, TemplateNode>>
  readonly intents: readonly DomainIntent[]
  readonly pronunciations: Readonly<Record<string, readonly string[]>>
}

/** Throws {@link DomainRefused}, naming the place. */
export function parseDomain(text: string): Domain {
  if (Buffer.byteLength(text) > MAX_DOMAIN_BYTES)
    throw new DomainRefused(
      null,
      `the domain has more than ${MAX_DOMAIN_BYTES} bytes`,
      'Split it into several domains.',
    )
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [fault] = document.errors
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0])
    throw new DomainRefused(
      { line, column: col },
      fault.message.split('\n')[0] ?? 'it is not YAML',
      'Mend the YAML there.',
    )
  }
  const places: Places = { document, lines }
  const parsed = v.safeParse(DomainSchema, document.toJS())
  if (!parsed.success) {
    const [issue] = parsed.issues
    const path = issue.path?.map(({ key }) => key as string | number) ?? []
    throw new DomainRefused(
      placeOf(places, path),
      `${path.join('.')}: ${issue.message}`,
      'See the domain that ships for the form.',
    )
  }
  const { output } = parsed
  const at = (path: readonly (string | number)[], template: string): TemplateNode =>
    readTemplate(places, path, template)
  const phrases = Object.fromEntries(
    Object.entries(output.phrases).map(([name, phrase]) => [name, at(['phrases', name], phrase)]),
  )
  const intents = Object.entries(output.intents).map(([name, intent]) => ({
    ...intent,
    name,
    templates: intent.templates.map((template, index) => at(['intents', name, 'templates', index], template)),
  }))
  checkNames(places, { ...output, phrases, intents })
  return { name: output.domain, slots: output.slots, phrases, intents, pronunciations: output.pronunciations }
}

interface Places {
  readonly document: Document
  readonly lines: LineCounter
}

function readTemplate(places: Places, path: readonly (string | number)[], template: string): TemplateNode {
  try {
    return parseTemplate(template)
  } catch (thrown) {
    if (!(thrown instanceof TemplateRefused)) throw thrown
    const start = placeOf(places, path)
    throw new DomainRefused(
      start === null ? null : { line: start.line, column: start.column + thrown.column },
      thrown.message,
      thrown.remedy,
    )
  }
}

/** Every slot and phrase that is named must be there, and every required slot must be sayable. */
function checkNames(
  places: Places,
  domain: {
    readonly slots: object
    readonly phrases: Readonly<Record<string, TemplateNode>>
    readonly intents: readonly DomainIntent[]
  },
): void {
  for (const [name, phrase] of Object.entries(domain.phrases)) check(phrase, ['phrases', name], [name])
  for (const intent of domain.intents) {
    intent.templates.forEach((template, index) =>
      check(template, ['intents', intent.name, 'templates', index], []),
    )
    for (const slot of intent.required)
      if (!Object.hasOwn(domain.slots, slot))
        throw new DomainRefused(
          placeOf(places, ['intents', intent.name, 'required']),
          `there is no slot “${slot}”`,
          'Define it under slots.',
        )
  }
  function check(node: TemplateNode, path: readonly (string | number)[], within: readonly string[]): void {
    switch (node.kind) {
      case 'word':
        return
      case 'sequence':
        return node.items.forEach((item) => check(item, path, within))
      case 'choice':
        return node.options.forEach((option) => check(option, path, within))
      case 'optional':
        return check(node.item, path, within)
      case 'slot':
        if (Object.hasOwn(domain.slots, node.slot)) return
        throw new DomainRefused(
          placeOf(places, path),
          `there is no slot “${node.slot}”`,
          'Define it under slots.',
        )
      case 'phrase': {
        const phrase = domain.phrases[node.phrase]
        if (phrase === undefined)
          throw new DomainRefused(
            placeOf(places, path),
            `there is no phrase “${node.phrase}”`,
            'Define it under phrases.',
          )
        if (within.includes(node.phrase))
          throw new DomainRefused(
            placeOf(places, path),
            `the phrase “${node.phrase}” names itself`,
            'Take the circle out.',
          )
        check(phrase, path, [...within, node.phrase])
      }
    }
  }
}

function placeOf(
  { document, lines }: Places,
  path: readonly (string | number)[],
): { line: number; column: number } | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    const range = (node as { range?: readonly number[] | null } | null | undefined)?.range
    if (range?.[0] !== undefined) {
      const { line, col } = lines.linePos(range[0])
      return { line, column: col }
    }
  }
  return null
}
