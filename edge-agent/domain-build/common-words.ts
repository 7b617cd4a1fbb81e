/** Words that say nothing about what a sentence is about. */
export const COMMON_WORDS: ReadonlySet<string> = new Set(
  `a about all am an and are at be by can could did do does for from get go had has have he her him his how i in is it let
  many me my no not of on or our please put she so some tell than that the their them then there they this to up us was we
  were what when where which who will with would you your`.split(/\s+/),
)
