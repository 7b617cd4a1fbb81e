/**
 * Plays sentences in synthetic voices to the recogniser and writes, a JSON line an utterance, what it found and whether that
 * means what was said. Inside each grammar, and outside it; clean, in noise and by telephone; and sounds in which nobody spoke.
 *
 *     node dist/edge-agent/models/training/confidence/collect.js [utterances a voice] [seed] > evidence.jsonl
 */
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../../../shared/package-root.ts'
import { compileDomain, type KnownNames } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { TextMatcher } from '../../../grammar/match-text.ts'
import { wordGraphOf } from '../../../grammar/net.ts'
import { wordsOf } from '../../../intent/normalise.ts'
import { openRecogniser, type Recogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { isDeepStrictEqual } from 'node:util'
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../../../../shared/seeded.ts'
import { walker, withoutPoliteness } from '../walks.ts'
import { babble, clatter, type Noise, plucked, rush } from './noises.ts'
import { FITTED_VOICES, HELD_OUT_VOICES, roughened, speak, telephoned, type Voice } from './voices.ts'

const SEED = 11
const USUAL_COUNT = 120
/** Of the sentences, how many are outside the grammar that listens. */
const OUTSIDE_SHARE = 0.35
const RATE_HZ = 16_000
const CLEAN_SHARE = 0.5
const LOUDEST_SNR_DB = 5
const SNR_RANGE_DB = 25
const TELEPHONE_SHARE = 0.25
/** Of the utterances, how many are only a sound: what keeps on when somebody opened the microphone and says nothing. */
const NOTHING_SAID_SHARE = 0.12
const NOTHING_SAID_S = { least: 1, range: 4 }
/** Voices of which a crowd is made. */
const CROWD = 8

const NAMES: KnownNames = {
  assets: ['feed water pump', 'main boiler', 'north chiller', 'lift four', 'P-102', 'HX-7'].map(named),
  parts: ['mechanical seal', 'oil filter', 'drive belt', 'door gasket', 'impeller', 'relay'].map(named),
  workOrders: ['427', '9120', '3315', '508'],
}

function named(name: string) {
  return { id: name, names: [name] }
}

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')

/** A domain without what may be anything: whether open words are right is another question. */
function closed(domain: Domain): Domain {
  return { ...domain, intents: domain.intents.filter(({ required }) => !required.includes('text')) }
}

interface Listener {
  readonly domain: Domain
  /** A sentence of its own. */
  own(): string | null
  /** One that is none of its sentences. */
  foreign(): string | null
}

function listeners(random: () => number): readonly Listener[] {
  const elsewhere = read('edge-agent/models/training/confidence/elsewhere.txt').trim().split('\n')
  const field = parseDomain(read('edge-agent/domains/field-service.yaml'))
  const other = parseDomain(read('edge-agent/models/training/confidence/other.yaml'))
  const short = parseDomain(read('edge-agent/models/training/confidence/short.yaml'))
  const calls = parseDomain(read('edge-agent/domains/contact-centre.yaml'))
  const notes = parseDomain(read('edge-agent/models/training/language/notes.yaml'))
  const anywhere = (): string => pick(elsewhere, random)
  const walk = (domain: Domain) => walker(compileDomain(domain, NAMES), random, anywhere)
  const [fieldWalk, otherWalk, noteWalk, shortWalk] = [walk(closed(field)), walk(other), walk(notes), walk(short)]
  const callWalk = walk(closed(calls))
  // A word or two is the hardest to tell from a command: there is so little of it.
  const foreignTo = (...theirs: (() => string | null)[]) => () => pick([...theirs, anywhere], random)()
  const opening = ['note that', 'make a note that', 'add a note that', 'take a note']
  const note = (): string => `${pick(opening, random)} ${random() < 0.7 ? withoutPoliteness(noteWalk() ?? '') : anywhere()}`
  return [
    { domain: field, own: fieldWalk, foreign: foreignTo(otherWalk, shortWalk, callWalk) },
    { domain: other, own: otherWalk, foreign: foreignTo(fieldWalk, shortWalk, callWalk) },
    { domain: short, own: shortWalk, foreign: foreignTo(otherWalk, callWalk) },
    { domain: field, own: note, foreign: foreignTo(otherWalk, shortWalk, callWalk) },
  ]
}

async function main(count: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const all = listeners(random)
  const nets = all.map(({ domain }) => compileDomain(domain, NAMES))
  const matchers = nets.map((net) => new TextMatcher(net))
  const crowded = babble(await crowd(random))
  const noises = [rush, clatter, plucked, crowded]
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    for (const [at, net] of nets.entries()) {
      const { pronunciations } = all[at]?.domain ?? { pronunciations: {} }
      await recogniser.loadGrammar(`${at}`, wordGraphOf(net), pronunciations, { guess: true })
    }
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const own = i % all.length
          if (random() < NOTHING_SAID_SHARE) {
            const sound = pick([clatter, plucked, crowded], random)
            const row = await nothingSaid(recogniser, { grammar: `${own}`, sound, random })
            process.stdout.write(`${JSON.stringify({ ...row, right: false, heldOut: heldOut === 1, isOutside: true })}\n`)
            continue
          }
          const isOutside = random() < OUTSIDE_SHARE
          const text = (isOutside ? all[own]?.foreign() : all[own]?.own())?.trim() ?? ''
          if (text === '' || (isOutside && matchers[own]?.match(wordsOf(text)) !== null)) continue
          const noise = pick(noises, random)
          const row = await heard(recogniser, { voice, text, grammar: `${own}`, noise, random })
          const right = !isOutside && meansTheSame(matchers[own], text, row.text)
          process.stdout.write(`${JSON.stringify({ ...row, right, heldOut: heldOut === 1, isOutside })}\n`)
        }
  } finally {
    await recogniser.close()
  }
}

/** What several say at once elsewhere in the room. */
async function crowd(random: () => number): Promise<Float32Array[]> {
  const lines = read('edge-agent/models/training/confidence/elsewhere.txt').trim().split('\n')
  return await Promise.all(
    Array.from({ length: CROWD }, async (_, at) => {
      const voice = FITTED_VOICES[at % FITTED_VOICES.length] as Voice
      return await speak(voice, [0, 1, 2].map(() => pick(lines, random)).join(', '), 1)
    }),
  )
}

function meansTheSame(matcher: TextMatcher | undefined, said: string, found: string): boolean {
  const [meant, understood] = [matcher?.match(wordsOf(said)), matcher?.match(wordsOf(found))]
  if (meant === undefined || meant === null || understood === undefined || understood === null) return said === found
  return meant.intent === understood.intent && isDeepStrictEqual(meant.slots, understood.slots)
}

interface Saying {
  readonly voice: Voice
  readonly text: string
  readonly grammar: string
  readonly noise: Noise
  readonly random: () => number
}

async function heard(recogniser: Recogniser, { voice, text, grammar, noise, random }: Saying) {
  const clean = await speak(voice, text, 0.85 + 0.3 * random())
  const snrDb = random() < CLEAN_SHARE ? 40 : LOUDEST_SNR_DB + SNR_RANGE_DB * random()
  const near = roughened(clean, noise, snrDb, random)
  const found = await listened(recogniser, { grammar, near, random })
  return { voice: `${voice.engine} ${voice.name}`, snrDb: Math.round(snrDb), said: text, ...found }
}

/** A sound by itself, from a quiet one to one that fills the scale. */
async function nothingSaid(
  recogniser: Recogniser,
  { grammar, sound, random }: { readonly grammar: string; readonly sound: Noise; readonly random: () => number },
) {
  const length = Math.ceil(RATE_HZ * (NOTHING_SAID_S.least + NOTHING_SAID_S.range * random()))
  const raw = sound(length, random)
  const scale = 10 ** (-1.5 * random()) / raw.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-6)
  const near = raw.map((sample) => scale * sample)
  return { voice: 'nobody', snrDb: null, said: '', ...(await listened(recogniser, { grammar, near, random })) }
}

async function listened(
  recogniser: Recogniser,
  { grammar, near, random }: { readonly grammar: string; readonly near: Float32Array; readonly random: () => number },
) {
  const isFar = random() < TELEPHONE_SHARE
  const { samples, sampleRate } = isFar ? telephoned(near) : { samples: near, sampleRate: RATE_HZ }
  const stream = recogniser.open(grammar, { sampleRate })
  await stream.push(samples)
  const found = await stream.finish()
  return {
    grammar,
    sampleRate,
    text: found.text,
    kind: found.kind,
    confidence: found.confidence,
    evidence: found.evidence,
    words: found.words.map(({ word, evidence, open, confidence }) => ({ word, evidence, open, confidence })),
  }
}

await main(Number(process.argv[2] ?? USUAL_COUNT), Number(process.argv[3] ?? SEED))
