/** Licences as SPDX writes them (specification 3.0, annex B), by form: no list of names is kept here that would go stale. */
const ID = String.raw`(?:DocumentRef-[A-Za-z0-9.-]+:)?[A-Za-z0-9][A-Za-z0-9.-]*\+?`
const TERM = String.raw`\(*${ID}(?: WITH ${ID})?\)*`
const EXPRESSION = new RegExp(String.raw`^${TERM}(?: (?:AND|OR) ${TERM})*$`)
/** What SPDX writes for "nobody said" and "there is none": neither lets anybody use the thing. */
const NO_LICENCE = /\b(?:NOASSERTION|NONE|UNKNOWN|UNLICENSED)\b/i

/** True for an expression that names licences, and nothing but licences. */
export function isLicence(text: string): boolean {
  return EXPRESSION.test(text) && !NO_LICENCE.test(text) && balanced(text)
}

function balanced(text: string): boolean {
  let open = 0
  for (const character of text) {
    if (character === '(') open += 1
    if (character === ')' && --open < 0) return false
  }
  return open === 0
}
