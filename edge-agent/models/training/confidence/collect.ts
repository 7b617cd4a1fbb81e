/**
 * Plays sentences in synthetic voices to the recogniser and writes, a JSON line an utterance, what it found and whether that
 * was right. Inside each grammar, and outside it; clean and in noise.
 *
 *     node dist/edge-agent/models/training/confidence/collect.js [utterances a voice] > evidence.jsonl
 */
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../../../shared/package-root.ts'
import { compileDomain, type KnownNames } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import { wordGraphOf } from '../../../grammar/net.ts'
import { openRecogniser, type Recogniser } from '../../../speech/recogniser.ts'
import { MODEL_FOLDERS } from '../../shipped.ts'
import { fileURLToPath } from 'node:url'
import { pick, seeded } from '../seeded.ts'
import { walker, withoutPoliteness } from '../walks.ts'
import { FITTED_VOICES, HELD_OUT_VOICES, roughened, speak, type Voice } from './voices.ts'

const SEED = 11
const USUAL_COUNT = 120
/** Of the sentences, how many are outside the grammar that listens. */
const OUTSIDE_SHARE = 0.25
const CLEAN_SHARE = 0.5
const LOUDEST_SNR_DB = 5
const SNR_RANGE_DB = 25

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
  const notes = parseDomain(read('edge-agent/models/training/language/notes.yaml'))
  const anywhere = (): string => pick(elsewhere, random)
  const walk = (domain: Domain) => walker(compileDomain(domain, NAMES), random, anywhere)
  const [fieldWalk, otherWalk, noteWalk] = [walk(closed(field)), walk(other), walk(notes)]
  const foreignTo = (theirs: () => string | null) => () => (random() < 0.5 ? theirs() : anywhere())
  const opening = ['note that', 'make a note that', 'add a note that', 'take a note']
  const note = (): string => `${pick(opening, random)} ${random() < 0.7 ? withoutPoliteness(noteWalk() ?? '') : anywhere()}`
  return [
    { domain: closed(field), own: fieldWalk, foreign: foreignTo(otherWalk) },
    { domain: other, own: otherWalk, foreign: foreignTo(fieldWalk) },
    { domain: field, own: note, foreign: foreignTo(otherWalk) },
  ]
}

async function main(count: number): Promise<void> {
  const random = seeded(SEED)
  const all = listeners(random)
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    for (const [at, { domain }] of all.entries())
      await recogniser.loadGrammar(`${at}`, wordGraphOf(compileDomain(domain, NAMES)), domain.pronunciations, {
        guess: true,
      })
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const own = i % all.length
          const isOutside = random() < OUTSIDE_SHARE
          const text = (isOutside ? all[own]?.foreign() : all[own]?.own())?.trim() ?? ''
          if (text === '') continue
          const row = await heard(recogniser, { voice, text, grammar: `${own}`, random })
          process.stdout.write(`${JSON.stringify({ ...row, heldOut: heldOut === 1, isOutside })}\n`)
        }
  } finally {
    await recogniser.close()
  }
}

async function heard(
  recogniser: Recogniser,
  { voice, text, grammar, random }: { voice: Voice; text: string; grammar: string; random: () => number },
) {
  const clean = await speak(voice, text, 0.85 + 0.3 * random())
  const snrDb = random() < CLEAN_SHARE ? 40 : LOUDEST_SNR_DB + SNR_RANGE_DB * random()
  const stream = recogniser.open(grammar, { sampleRate: 16_000 })
  await stream.push(roughened(clean, snrDb, random))
  const found = await stream.finish()
  return {
    grammar,
    voice: `${voice.engine} ${voice.name}`,
    snrDb: Math.round(snrDb),
    said: text,
    text: found.text,
    kind: found.kind,
    confidence: found.confidence,
    evidence: found.evidence,
    words: found.words.map(({ word, evidence, open, confidence }) => ({ word, evidence, open, confidence })),
  }
}

await main(Number(process.argv[2] ?? USUAL_COUNT))
