/**
 * The same with people: plays their recordings to domains that are made of lines which they speak, and to those that ship, and
 * writes, a JSON line an utterance, what was found. Half of what is said the listening domain holds; the rest are other lines,
 * among them some with many of its words, and languages that nobody speaks to Starling.
 *
 *     node dist/edge-agent/models/training/confidence/collect-people.js FOLDER [utterances] [seed] > evidence.jsonl
 *
 * FOLDER is where people/recordings.py and people/dialogues.py wrote.
 */
import { isDeepStrictEqual } from 'node:util'
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { TextMatcher } from '../../../grammar/match-text.ts'
import { wordGraphOf } from '../../../grammar/net.ts'
import { openRecogniser, type Recogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { crowd, heardOf } from './hearing.ts'
import { lineDomain } from './line-domains.ts'
import { babble, clatter, type Noise, plucked, rush } from './noises.ts'
import { type Recorded, recordedIn } from './recorded.ts'
import { listeners, NAMES } from './sayings.ts'

const SEED = 51
const USUAL_COUNT = 4_000
const UTTERANCES_A_DOMAIN = 50
/** A domain's lines. */
const FEWEST_LINES = 8
const MOST_LINES = 400
/** Of a line domain's utterances, how many it holds. */
const OWN_SHARE = 0.55
/** Of the others, how many are of people who speak to nobody, most of them in other languages. */
const STRANGER_SHARE = 0.25
/** And how many of the rest are the likest of so many: in words, to the listening domain's own. */
const LIKE_SHARE = 0.3
const LIKEST_OF = 20
/** Kept for measuring: a telephone exchange's prompts in English. */
const NOT_PLAYED = 'asterisk-en'
/** Of the domains, how many are those that ship. */
const SHIPPED_SHARE = 0.15

type Random = () => number

/** Who listens: lines that are its own, and what a text means to it. */
interface Listener {
  readonly domain: Domain
  readonly own: readonly Recorded[]
  readonly matcher: TextMatcher
}

async function main(folder: string, count: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const dialogues = recordedIn(folder, 'dialogues')
  const lines = dialogues.filter(({ said }) => said !== '')
  const people = recordedIn(folder, 'people').filter(({ of }) => of !== NOT_PLAYED)
  const strangers = [...dialogues.filter(({ said }) => said === ''), ...people]
  const noises = [rush, clatter, plucked, babble(await crowd(random))]
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    for (let done = 0; done < count; done += UTTERANCES_A_DOMAIN) {
      const listener = listenerAmong(lines, random)
      await load(recogniser, listener)
      for (let turn = 0; turn < UTTERANCES_A_DOMAIN; turn++) {
        const isOwn = listener.own.length > 0 && random() < OWN_SHARE
        const one = isOwn ? pick(listener.own, random) : otherFor(listener, { lines, strangers, random })
        const row = await utterance(recogniser, { listener, one, noise: pick(noises, random), random })
        process.stdout.write(`${JSON.stringify({ voice: one.of, said: one.said, ...row, heldOut: true, isPerson: true })}\n`)
      }
      recogniser.dropGrammar(listener.domain.name)
    }
  } finally {
    await recogniser.close()
  }
}

function listenerAmong(lines: readonly Recorded[], random: Random): Listener {
  if (random() < SHIPPED_SHARE) {
    const { domain } = pick(listeners(random), random)
    return { domain, own: [], matcher: new TextMatcher(compileDomain(domain, NAMES)) }
  }
  const count = Math.round(FEWEST_LINES * (MOST_LINES / FEWEST_LINES) ** random())
  const own = new Map(Array.from({ length: count }, () => pick(lines, random)).map((line) => [line.said, line]))
  const vocabulary = Array.from({ length: 4 * count }, () => pick(pick(lines, random).said.split(' '), random))
  const domain = lineDomain('lines', [...own.keys()], vocabulary, random)
  return { domain, own: [...own.values()], matcher: new TextMatcher(compileDomain(domain, NAMES)) }
}

async function load(recogniser: Recogniser, { domain }: Listener): Promise<void> {
  const graph = wordGraphOf(compileDomain(domain, NAMES))
  await recogniser.loadGrammar(domain.name, graph, domain.pronunciations, { guess: true })
}

/** What the listener does not hold. */
function otherFor(
  { own, matcher }: Listener,
  { lines, strangers, random }: { lines: readonly Recorded[]; strangers: readonly Recorded[]; random: Random },
): Recorded {
  if (random() < STRANGER_SHARE) return pick(strangers, random)
  const known = new Set(own.flatMap(({ said }) => said.split(' ')))
  const likeness = ({ said }: Recorded): number => {
    const words = said.split(' ')
    return words.filter((word) => known.has(word)).length / words.length
  }
  const among = Array.from({ length: random() < LIKE_SHARE ? LIKEST_OF : 1 }, () => pick(lines, random))
  const others = among.filter(({ said }) => matcher.match(said.split(' ')) === null)
  const [first = pick(strangers, random), ...rest] = others
  return rest.reduce((best, one) => (likeness(one) > likeness(best) ? one : best), first)
}

interface Saying {
  readonly listener: Listener
  readonly one: Recorded
  readonly noise: Noise
  readonly random: Random
}

async function utterance(recogniser: Recogniser, { listener, one, noise, random }: Saying) {
  const row = await heardOf(recogniser, { clean: one.samples(), grammar: listener.domain.name, noise, random })
  const { matcher } = listener
  const meant = one.said === '' ? null : matcher.match(one.said.split(' '))
  const understood = matcher.match(row.text.split(' '))
  const right =
    meant !== null &&
    understood !== null &&
    meant.intent === understood.intent &&
    isDeepStrictEqual(meant.slots, understood.slots)
  return { ...row, right, isOutside: meant === null }
}

const [folder, count = USUAL_COUNT, seed = SEED] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: collect-people.js FOLDER [utterances] [seed]')
await main(folder, Number(count), Number(seed))
