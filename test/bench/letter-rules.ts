/** Letter-to-sound by rules, longest match first: what the trained model is measured against. */

/** The phones of each run of letters. */
const RULES: readonly (readonly [string, string])[] = [
  ['tion', 'SH AH N'],
  ['sion', 'ZH AH N'],
  ['ture', 'CH ER'],
  ['ough', 'AO'],
  ['augh', 'AO'],
  ['eigh', 'EY'],
  ['igh', 'AY'],
  ['tch', 'CH'],
  ['dge', 'JH'],
  ['sch', 'SH'],
  ['chr', 'K R'],
  ['air', 'EH R'],
  ['ear', 'IH R'],
  ['eer', 'IH R'],
  ['oor', 'AO R'],
  ['our', 'AO R'],
  ['que', 'K'],
  ['ing', 'IH NG'],
  ['ch', 'CH'],
  ['sh', 'SH'],
  ['th', 'TH'],
  ['ph', 'F'],
  ['wh', 'W'],
  ['ck', 'K'],
  ['ng', 'NG'],
  ['qu', 'K W'],
  ['kn', 'N'],
  ['wr', 'R'],
  ['gh', 'G'],
  ['ee', 'IY'],
  ['ea', 'IY'],
  ['oo', 'UW'],
  ['ou', 'AW'],
  ['ow', 'OW'],
  ['oa', 'OW'],
  ['oi', 'OY'],
  ['oy', 'OY'],
  ['ai', 'EY'],
  ['ay', 'EY'],
  ['au', 'AO'],
  ['aw', 'AO'],
  ['ei', 'IY'],
  ['ey', 'IY'],
  ['ie', 'IY'],
  ['ue', 'UW'],
  ['ew', 'Y UW'],
  ['ar', 'AA R'],
  ['er', 'ER'],
  ['ir', 'ER'],
  ['or', 'AO R'],
  ['ur', 'ER'],
  ['ce', 'S EH'],
  ['ci', 'S IH'],
  ['cy', 'S IY'],
  ['ge', 'JH EH'],
  ['gi', 'JH IH'],
  ['gy', 'JH IY'],
  ['a', 'AE'],
  ['b', 'B'],
  ['c', 'K'],
  ['d', 'D'],
  ['e', 'EH'],
  ['f', 'F'],
  ['g', 'G'],
  ['h', 'HH'],
  ['i', 'IH'],
  ['j', 'JH'],
  ['k', 'K'],
  ['l', 'L'],
  ['m', 'M'],
  ['n', 'N'],
  ['o', 'AA'],
  ['p', 'P'],
  ['q', 'K'],
  ['r', 'R'],
  ['s', 'S'],
  ['t', 'T'],
  ['u', 'AH'],
  ['v', 'V'],
  ['w', 'W'],
  ['x', 'K S'],
  ['y', 'IY'],
  ['z', 'Z'],
]

/** Phones apart by spaces. */
export function saidByRules(word: string): string {
  const letters = word.replaceAll("'", '')
  return byRules(letters.replace(/(.)\1/g, (pair, letter: string) => ('eo'.includes(letter) ? pair : letter)))
}

function byRules(letters: string): string {
  const silentE = /[^aeiou]e$/.test(letters) && letters.length > 2
  const text = silentE ? letters.slice(0, -1) : letters
  const out: string[] = []
  for (let at = 0; at < text.length;) {
    const rule = RULES.find(([run]) => text.startsWith(run, at))
    if (rule === undefined) break
    const long = silentE && at === text.length - 2 ? LONG[rule[0]] : undefined
    out.push(long ?? rule[1])
    at += rule[0].length
  }
  return out.join(' ')
}

const LONG: Readonly<Record<string, string>> = { a: 'EY', e: 'IY', i: 'AY', o: 'OW', u: 'UW' }
