/** Words that people say for one another in wishes: a template that names one of a group is learned with the others too. */
const GROUPS = `
close shut | open start begin launch | stop halt end cease | start begin commence | finish complete wrap-up
buy order purchase get | make prepare do create fix-up | show display bring-up let-me-see give-me | tell say give
find look-for search locate get | want need would-like wish | cancel drop call-off scrap get-rid-of | remove delete erase clear
change alter modify switch swap replace edit | add put include | send ship deliver bring | call phone ring | move shift transfer push
set adjust put | check verify look-at see | help assist support | increase raise turn-up lift boost | decrease lower reduce turn-down cut
speak talk chat | connect put-through transfer | pay settle clear | repeat say-again | return give-back send-back | keep hold save
record log note write-down enter | report tell mention flag | read tell show | block freeze lock disable | reset restore renew recover
bill invoice charge statement | money cash funds payment | order purchase | parcel package shipment box delivery | refund money-back reimbursement
problem issue trouble fault error | broken defective dead damaged not-working down | appointment booking slot meeting | address street location
password passcode login code | account profile | phone mobile handset | television tv | internet wifi broadband connection | contract plan subscription
agent human person someone representative | boss manager supervisor | shop store branch | price cost fee rate | help assistance support
big large huge | small little tiny | quick fast soon | now immediately right-away straight-away | later afterwards another-time | wrong incorrect mistaken
late delayed overdue | angry upset unhappy annoyed | terrible awful bad poor | good great fine | lost missing gone | cold chilly | hot warm
light lamp lights | machine device unit equipment | work job task | part component piece | note memo message | reading measurement value figure
kitchen cooking-area | house home place | car vehicle | picture photo image | music song tune | temperature heat | door gate | room area
when what-time | why how-come for-what-reason | arrive come show-up turn-up | forgot forgotten don't-remember can't-remember
`

const BY_WORD: ReadonlyMap<string, readonly (readonly string[])[]> = byWord()

/** Other ways of saying a word, each as words; none for most words. */
export function synonymsOf(word: string): readonly (readonly string[])[] {
  return BY_WORD.get(word) ?? []
}

function byWord(): ReadonlyMap<string, readonly (readonly string[])[]> {
  const found = new Map<string, (readonly string[])[]>()
  for (const group of GROUPS.split(/[|\n]/)) {
    const phrases = group
      .trim()
      .split(/\s+/)
      .map((phrase) => phrase.split('-'))
    for (const phrase of phrases)
      if (phrase.length === 1)
        found.set(phrase[0] ?? '', [
          ...(found.get(phrase[0] ?? '') ?? []),
          ...phrases.filter((other) => other !== phrase),
        ])
  }
  return found
}
