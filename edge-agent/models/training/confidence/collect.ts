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
import { walker } from '../walks.ts'
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
function closed(yaml: string): Domain {
  const domain = parseDomain(yaml)
  return { ...domain, intents: domain.intents.filter(({ required }) => !required.includes('text')) }
}

async function main(count: number): Promise<void> {
  const random = seeded(SEED)
  const elsewhere = read('edge-agent/models/training/confidence/elsewhere.txt').trim().split('\n')
  const domains = [
    closed(read('edge-agent/domains/field-service.yaml')),
    closed(read('edge-agent/models/training/confidence/other.yaml')),
  ]
  const nets = domains.map((domain) => compileDomain(domain, NAMES))
  const walkers = nets.map((net) => walker(net, random, () => pick(elsewhere, random)))
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    for (const [at, net] of nets.entries())
      await recogniser.loadGrammar(`${at}`, wordGraphOf(net), domains[at]?.pronunciations ?? {}, { guess: true })
    for (const [heldOut, list] of [FITTED_VOICES, HELD_OUT_VOICES].entries())
      for (const voice of list)
        for (let i = 0; i < count; i++) {
          const own = i % 2
          const isOutside = random() < OUTSIDE_SHARE
          const outside = random() < 0.5 ? walkers[1 - own] : () => pick(elsewhere, random)
          const text = (isOutside ? outside : walkers[own])?.() ?? null
          if (text === null || text === '') continue
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
