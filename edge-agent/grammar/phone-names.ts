/** The 39 phones of the CMU Pronouncing Dictionary, in which pronunciations are written: "P AH M P". */
export const PHONE_NAMES: ReadonlySet<string> = new Set(
  `AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH`.split(
    ' ',
  ),
)
