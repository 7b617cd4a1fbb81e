/**
 * Whether words name a wish without wishing it: turned round ("do not close it"), asked ("did you close it"), put off ("I will
 * close it tomorrow") or on a condition. Asked only of words that no template reads; a template says by itself what it means.
 */

export type Doubt = 'none' | 'negated' | 'unsure'

/** Phrases whose "not" turns nothing round. */
const HARMLESS = [
  'never mind',
  'not right',
  'not correct',
  'not what',
  'not it',
  'not sure',
  'not know',
  'do not mean',
  'did not mean',
  'did not want',
  'not understand',
  'not catch',
  'not hear',
  'not get',
  'why not',
  'do not bother',
  'not bother',
] as const
const NEGATIONS: ReadonlySet<string> = new Set(['not', 'never', 'nobody', 'without', 'nor', 'neither'])

const ASKING: ReadonlySet<string> = new Set(
  'should did do does has have is are was were who why when how which whether'.split(' '),
)
/** "have two gaskets sent" and "do it" ask for nothing; "have you" and "do i" do. */
const ASKING_WITH_PERSON: ReadonlySet<string> = new Set(['do', 'have', 'does', 'has', 'did'])
const PEOPLE: ReadonlySet<string> = new Set(
  'i we you they he she it somebody someone anybody anyone the this that'.split(' '),
)

const PUT_OFF: ReadonlySet<string> = new Set(
  'if unless until before when whether tomorrow later yesterday tonight maybe perhaps might should would supposed soon week month'.split(
    ' ',
  ),
)
/** "I would like", "would you": a wish all the same. */
const POLITE = ['would like', 'would you', 'would love', 'if you can', 'if you could', 'if possible'] as const

/** `words` have no contractions. */
export function doubtOf(words: readonly string[]): Doubt {
  const text = without(` ${words.join(' ')} `, [...HARMLESS, ...POLITE])
  const rest = text.trim().split(' ')
  if (rest.some((word) => NEGATIONS.has(word)) || text.includes(' no longer ')) return 'negated'
  if (isQuestion(rest) || rest.some((word) => PUT_OFF.has(word))) return 'unsure'
  return 'none'
}

function isQuestion(words: readonly string[]): boolean {
  const [first = '', second = ''] = words.filter((word) => !OPENERS.has(word))
  if (first === 'what' && second === 'happens') return true
  if (!ASKING.has(first)) return false
  return ASKING_WITH_PERSON.has(first) ? PEOPLE.has(second) : true
}

const OPENERS: ReadonlySet<string> = new Set([
  'so',
  'well',
  'okay',
  'ok',
  'um',
  'uh',
  'hey',
  'starling',
  'and',
  'but',
])

function without(text: string, phrases: readonly string[]): string {
  return phrases.reduce((rest, phrase) => rest.replaceAll(` ${phrase} `, ' '), text)
}
