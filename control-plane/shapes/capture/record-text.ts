/** A row as PostgreSQL writes a composite value: `(1,"two words",,"a ""quote""")`. An empty field is null. */

/** Throws on text that is cut short or has something after its end: it comes from PostgreSQL alone. */
export function parseRecord(text: string): readonly (string | null)[] {
  if (!text.startsWith('(') || !text.endsWith(')')) throw new TypeError('not a row of PostgreSQL')
  const end = text.length - 1
  const fields: (string | null)[] = []
  let at = 1
  if (at === end) return [null]
  for (;;) {
    const field = readField(text, at, end)
    fields.push(field.value)
    at = field.next
    if (at === end) return fields
    if (text[at] !== ',') throw new TypeError('not a row of PostgreSQL')
    at++
    if (at === end) {
      fields.push(null)
      return fields
    }
  }
}

function readField(
  text: string,
  start: number,
  end: number,
): { readonly value: string | null; readonly next: number } {
  const first = text[start]
  if (first === ',') return { value: null, next: start }
  if (first !== '"') {
    // Unquoted: PostgreSQL quotes a field that holds a comma, a parenthesis, a quote, a backslash or a space.
    const comma = text.indexOf(',', start)
    const next = comma === -1 || comma > end ? end : comma
    return { value: text.slice(start, next), next }
  }
  let value = ''
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    const slash = text.indexOf('\\', at)
    if (quote === -1 || quote >= end + 1) throw new TypeError('a row of PostgreSQL is cut short')
    if (slash !== -1 && slash < quote) {
      value += text.slice(at, slash) + text.charAt(slash + 1)
      at = slash + 2
    } else if (text[quote + 1] === '"') {
      value += `${text.slice(at, quote)}"`
      at = quote + 2
    } else return { value: value + text.slice(at, quote), next: quote + 1 }
  }
}
