/**
 * What a large grammar, a large lexicon and a biasing list cost: processor time of the recogniser's thread for the same
 * recordings, everything from samples to words, as ratios to the small ones. Runs alternate, so that both meet the same machine.
 */
import { fileURLToPath } from 'node:url'
import type { WordArc, WordGraph } from '../../edge-agent/grammar/word-graph.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { openRecogniser, type Recogniser } from '../../edge-agent/speech/recogniser.ts'
import type { StreamOptions } from '../../edge-agent/speech/speech-stream.ts'
import { samplesOf, spoken } from '../support/sounds.ts'
import { type BenchReport, type BenchRow, quantile } from './report.ts'

const ROUNDS = 7
const RECORDINGS = ['open', 'log', 'note', 'look'] as const
const NAMES = 1_000

const VERBS = 'open close check clean start stop replace inspect order report'.split(' ')
const THINGS =
  'pump valve motor filter boiler sensor bearing coupling compressor fan hose tank gauge relay switch gearbox belt seal burner meter'.split(
    ' ',
  )
const PLACES = 'roof basement kitchen garage hall office tower yard workshop laboratory'.split(' ')
const NUMBERS = 'one two three four five'.split(' ')

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    const all = sentences()
    progress(`loading a grammar of 10 and one of ${all.length} sentences`)
    await recogniser.loadGrammar('ten', listGraph(all.filter((_, at) => at % 1_000 === 0)))
    await recogniser.loadGrammar('ten thousand', listGraph(all))
    progress('loading dictation over the words of the language model, and over the whole lexicon')
    const words = await recogniser.loadGrammar('usual words', ANY)
    const lexicon = await recogniser.loadGrammar('whole lexicon', ANY, {}, { dictation: true })
    progress(`${words.units} and ${lexicon.units} units`)
    const names = { phrases: Array.from({ length: NAMES }, (_, at) => nameOf(at)) }
    const [small, large] = [await pair(recogniser, ['ten', {}], ['ten thousand', {}]), all.length]
    const vocabulary = await pair(recogniser, ['usual words', {}], ['whole lexicon', {}])
    const bias = await pair(recogniser, ['whole lexicon', {}], ['whole lexicon', { bias: names }])
    return {
      bench: 'decoder',
      rows: [
        row(`grammar of ${large} sentences / of 10, processor time`, small, 2),
        row('dictation over 125,946 words / over 6,102, processor time', vocabulary, 2),
        row(`biasing list of ${NAMES} names / none, processor time`, bias, 1.1),
      ],
    }
  } finally {
    await recogniser.close()
  }
}

const ANY: WordGraph = {
  start: 0,
  stateCount: 2,
  finals: new Set([1]),
  arcs: [{ from: 0, to: 1, word: null, logWeight: 0, open: 'words' }],
}

function sentences(): string[] {
  return VERBS.flatMap((verb) =>
    THINGS.flatMap((thing) =>
      PLACES.flatMap((place) => NUMBERS.map((number) => `${verb} the ${thing} ${number} in the ${place}`)),
    ),
  )
}

function listGraph(texts: readonly string[]): WordGraph {
  const arcs: WordArc[] = []
  let stateCount = 2
  for (const text of texts) {
    const words = text.split(' ')
    let from = 0
    for (const [at, word] of words.entries()) {
      const to = at === words.length - 1 ? 1 : stateCount++
      arcs.push({ from, to, word, logWeight: 0 })
      from = to
    }
  }
  return { start: 0, stateCount, finals: new Set([1]), arcs }
}

/** Two words that the lexicon has, each pair once. */
function nameOf(at: number): string {
  const [first, second] = [Math.floor(at / THINGS.length), at % THINGS.length]
  return `${[...PLACES, ...VERBS, ...NUMBERS, ...THINGS][first % 45]} ${THINGS[second]}${first < 45 ? '' : ' two'}`
}

type Setting = readonly [grammar: string, options: Partial<StreamOptions>]

async function pair(recogniser: Recogniser, plain: Setting, other: Setting): Promise<Pair> {
  await cost(recogniser, plain)
  await cost(recogniser, other)
  const plainMs: number[] = []
  const otherMs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    plainMs.push(await cost(recogniser, plain))
    otherMs.push(await cost(recogniser, other))
  }
  return { plainMs: quantile(plainMs, 0.5), otherMs: quantile(otherMs, 0.5) }
}

interface Pair {
  readonly plainMs: number
  readonly otherMs: number
}

async function cost(recogniser: Recogniser, [grammar, options]: Setting): Promise<number> {
  const before = await recogniser.processorMs()
  for (const name of RECORDINGS) {
    const stream = recogniser.open(grammar, { sampleRate: 16_000, ...options })
    await stream.push(samplesOf(spoken(name)))
    await stream.finish()
  }
  return (await recogniser.processorMs()) - before
}

function row(name: string, { plainMs, otherMs }: Pair, goal: number): BenchRow {
  return { name, value: otherMs / plainMs, unit: 'ratio', baseline: plainMs, goal: { op: '<=', value: goal } }
}
