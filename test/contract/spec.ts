/** Random schemas with values that they let through, for laws about contracts. */
import fc from 'fast-check'
import * as v from 'valibot'

export type Spec =
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'whole'; readonly min: number; readonly max: number }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly of: Spec; readonly max: number }
  | { readonly kind: 'or-null'; readonly of: Spec }
  | {
      readonly kind: 'object'
      readonly isStrict: boolean
      readonly fields: Readonly<Record<string, { readonly of: Spec; readonly isOptional: boolean }>>
    }

const leaf: fc.Arbitrary<Spec> = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), max: fc.integer({ min: 0, max: 3 }) }),
  fc.record({
    kind: fc.constant('whole' as const),
    min: fc.integer({ min: 0, max: 2 }),
    max: fc.integer({ min: 2, max: 4 }),
  }),
  fc.record({
    kind: fc.constant('one-of' as const),
    values: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
  }),
)

export const anySpec: fc.Arbitrary<Spec> = fc.letrec<{ spec: Spec }>((tie) => ({
  spec: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    leaf,
    fc.record({ kind: fc.constant('list' as const), of: tie('spec'), max: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ kind: fc.constant('or-null' as const), of: tie('spec') }),
    fc.record({
      kind: fc.constant('object' as const),
      isStrict: fc.constant(true),
      fields: fc.dictionary(
        fc.constantFrom('p', 'q', 'r'),
        fc.record({ of: tie('spec'), isOptional: fc.boolean() }),
        { maxKeys: 3 },
      ),
    }),
  ),
})).spec

export function schemaOf(spec: Spec): v.GenericSchema {
  switch (spec.kind) {
    case 'text':
      return v.pipe(v.string(), v.maxLength(spec.max))
    case 'whole':
      return v.pipe(v.number(), v.integer(), v.minValue(spec.min), v.maxValue(spec.max))
    case 'one-of':
      return v.picklist(spec.values)
    case 'list':
      return v.pipe(v.array(schemaOf(spec.of)), v.maxLength(spec.max))
    case 'or-null':
      return v.nullable(schemaOf(spec.of))
    case 'object': {
      const entries = Object.fromEntries(
        Object.entries(spec.fields).map(([name, { of, isOptional }]) => [
          name,
          isOptional ? v.exactOptional(schemaOf(of)) : schemaOf(of),
        ]),
      )
      return spec.isStrict ? v.strictObject(entries) : v.object(entries)
    }
  }
}

export function valueOf(spec: Spec): fc.Arbitrary<unknown> {
  switch (spec.kind) {
    case 'text':
      return fc.string({ maxLength: spec.max })
    case 'whole':
      return fc.integer({ min: spec.min, max: spec.max })
    case 'one-of':
      return fc.constantFrom(...spec.values)
    case 'list':
      return fc.array(valueOf(spec.of), { maxLength: spec.max })
    case 'or-null':
      return fc.option(valueOf(spec.of))
    case 'object': {
      const needed = Object.keys(spec.fields).filter((name) => spec.fields[name]?.isOptional === false)
      return fc.record(
        Object.fromEntries(Object.entries(spec.fields).map(([name, { of }]) => [name, valueOf(of)])),
        { requiredKeys: needed },
      )
    }
  }
}

/** The same with one thing changed somewhere, or nothing. */
export function nearTo(spec: Spec): fc.Arbitrary<Spec> {
  switch (spec.kind) {
    case 'text':
      return fc.integer({ min: 0, max: 4 }).map((max) => ({ ...spec, max }))
    case 'whole':
      return fc
        .record({ min: fc.integer({ min: 0, max: 2 }), max: fc.integer({ min: 2, max: 5 }) })
        .map((limits) => ({
          ...spec,
          ...limits,
        }))
    case 'one-of':
      return fc
        .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 })
        .map((values) => ({ ...spec, values }))
    case 'list':
      return fc.oneof(
        nearTo(spec.of).map((of) => ({ ...spec, of })),
        fc.integer({ min: 0, max: 4 }).map((max) => ({ ...spec, max })),
      )
    case 'or-null':
      return fc.oneof(
        fc.constant(spec.of),
        nearTo(spec.of).map((of) => ({ ...spec, of })),
      )
    case 'object':
      return fc.oneof(
        fc
          .record({ name: fc.constantFrom('p', 'q', 'r', 's'), of: anySpec, isOptional: fc.boolean() })
          .map((more) => ({
            ...spec,
            fields: { ...spec.fields, [more.name]: { of: more.of, isOptional: more.isOptional } },
          })),
        fc.constantFrom('p', 'q', 'r').map((name) => ({
          ...spec,
          fields: Object.fromEntries(Object.entries(spec.fields).filter(([known]) => known !== name)),
        })),
        fc.constant({ kind: 'or-null' as const, of: spec }),
        fc.constant(spec),
      )
  }
}
