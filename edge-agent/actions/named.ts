/** One thing by the name that was said, or a clear error that says what to say instead. */
import type { Match } from '../context/match.ts'
import { AmbiguousName, NotFoundHere } from './field-performer.ts'

/** Throws {@link NotFoundHere} or {@link AmbiguousName}; `noun` is what people call such a thing. */
export function oneOf<T extends { readonly name: string }>(match: Match<T>, noun: string, said: string): T {
  switch (match.kind) {
    case 'one':
      return match.item
    case 'several':
      throw new AmbiguousName(`Which ${noun}: ${match.items.map(({ name }) => name).join(', or ')}?`, {
        remedy: 'Say it again with the full name.',
      })
    case 'none':
      throw new NotFoundHere(`There is no ${noun} called “${said}” on this device.`, {
        remedy: `Check the name, or ask for a person.`,
      })
  }
}
