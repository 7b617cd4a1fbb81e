/**
 * Makes the shipped intent model: intent.onnx, golden.json, card.json. Whole templates, and written sentences, are held back in
 * folds: what the card says, and the temperature, come from nets that never saw the sentences they are judged on. The net that
 * ships has seen them all. Each stage is kept in the work folder, so that a run that was cut short goes on where it stood.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../../../shared/digest.ts'
import { intentFile } from '../../../domain-build/intent-file.ts'
import { joined, logits, softmax, type IntentNet } from '../../../domain-build/intent-net.ts'
import { featuresOf } from '../../../intent/features.ts'
import { byTemplate, calibrationError, certainties, keptOut, shareRight, temperatureFor } from './figures.ts'
import { BUCKETS, judge, learn, type Judged } from './learning.ts'
import { trainingSentences, type Sentence } from './sentences.ts'

export const SEED = 20_261_121
const FOLDS = 4
const EPOCHS = 10
/** Nets that begin and shuffle otherwise, whose mean ships as one: what a single one is sure of by chance counts less. */
const MEMBERS = [0, 1] as const
const GOLDEN = [
  'open work order <number>',
  'the gauge is at <number> bar',
  'tell me a joke',
  'next step',
  'order <number> <part>',
  'naïve café <asset>',
]
/** What rounding in another runtime may change. */
const TOLERANCE = 0.002

export interface Making {
  readonly outDir: string
  readonly workDir: string
  onProgress(line: string): void
}

export async function makeIntentModel(making: Making): Promise<void> {
  const { outDir, workDir } = making
  const onProgress = (line: string): void => making.onProgress(line)
  const sentences = trainingSentences(SEED)
  const digest = sha256Hex(JSON.stringify([SEED, FOLDS, EPOCHS, BUCKETS, sentences])).slice(0, 16)
  const stages = openStages(join(workDir, digest))
  const intents = [...new Set(sentences.map(({ intent }) => intent))].toSorted()
  onProgress(`${sentences.length} sentences, ${intents.length} intents; work is kept in ${join(workDir, digest)}`)
  const train = async (name: string, member: number, from: readonly Sentence[]): Promise<IntentNet> =>
    await learn(from, {
      intents,
      epochs: EPOCHS,
      seed: SEED + member,
      onEpoch: (epoch) => onProgress(`${name}, net ${member + 1} of ${MEMBERS.length}: round ${epoch} of ${EPOCHS}`),
    })
  const judged: Judged[] = []
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const held = sentences.filter((sentence) => foldOf(sentence) === fold)
    const taught = sentences.filter((sentence) => foldOf(sentence) !== fold)
    const sum = new Float32Array(held.length * intents.length)
    for (const member of MEMBERS) {
      const values = await stages.once(`fold-${fold}-net-${member}`, async () => {
        const net = await train(`fold ${fold + 1} of ${FOLDS}`, member, taught)
        return Float32Array.from(judge(net, held).flatMap((one) => one.logits))
      })
      values.forEach((value, at) => (sum[at] = (sum[at] ?? 0) + value / MEMBERS.length))
    }
    judged.push(
      ...held.map((sentence, at) => ({
        sentence,
        logits: Array.from(sum.subarray(at * intents.length, (at + 1) * intents.length)),
      })),
    )
  }
  const written = judged.filter(({ sentence }) => sentence.isWritten)
  const temperature = temperatureFor(written, intents)
  const member = async (at: number): Promise<IntentNet> =>
    await keptNet(stages, { name: `all-net-${at}`, classes: intents.length }, async () => await train('all', at, sentences))
  const trained = joined([await member(MEMBERS[0]), await member(MEMBERS[1])])
  const { bytes, net } = intentFile(trained, temperature)
  mkdirSync(outDir, { recursive: true })
  writeFileSync(join(outDir, 'intent.onnx'), bytes)
  writeFileSync(join(outDir, 'golden.json'), json({ tolerance: TOLERANCE, cases: goldenCases(net) }))
  const figures = {
    ...heldFigures(judged, intents, temperature),
    ...quantisationFigures({ trained, net, temperature, bytes }, sentences),
  }
  writeFileSync(join(outDir, 'card.json'), json(cardOf(intents, sentences, figures)))
  onProgress(JSON.stringify(figures))
}

/** All sentences of one template, and one written sentence, are held back together. */
function foldOf({ template }: Sentence): number {
  return Number.parseInt(sha256Hex(template).slice(0, 8), 16) % FOLDS
}

function heldFigures(judged: readonly Judged[], intents: readonly string[], temperature: number): Record<string, number> {
  const inScope = judged.filter(({ sentence }) => sentence.intent !== 'out_of_scope')
  const written = inScope.filter(({ sentence }) => sentence.isWritten)
  const walked = inScope.filter(({ sentence }) => !sentence.isWritten)
  const people = judged.filter(({ sentence }) => sentence.isWritten)
  return {
    heldOutTemplates: round(byTemplate(walked, intents)),
    heldOutTemplateCount: new Set(walked.map(({ sentence }) => sentence.template)).size,
    heldOutWritten: round(shareRight(written, intents)),
    heldOutWrittenSentences: written.length,
    outOfScopeKeptOut: round(keptOut(judged, intents, temperature)),
    temperature,
    calibrationErrorBefore: round(calibrationError(certainties(people, intents, 1))),
    calibrationError: round(calibrationError(certainties(people, intents, temperature))),
  }
}

interface Quantised {
  readonly trained: IntentNet
  readonly net: IntentNet
  readonly temperature: number
  readonly bytes: Uint8Array
}

function quantisationFigures(
  { trained, net, temperature, bytes }: Quantised,
  sentences: readonly Sentence[],
): Record<string, number> {
  let most = 0
  let same = 0
  for (const { tokens } of sentences) {
    const features = featuresOf(tokens, net.buckets)
    const [before, after] = [softmax(logits(trained, features), temperature), softmax(logits(net, features))]
    before.forEach((value, at) => (most = Math.max(most, Math.abs(value - (after[at] ?? 0)))))
    if (largestAt(before) === largestAt(after)) same += 1
  }
  return {
    sizeBytes: bytes.length,
    sizeOfFloats: round(bytes.length / (4 * (trained.w1.length + trained.b1.length + trained.w2.length + trained.b2.length))),
    int8AgreesWithFloat: round(same / sentences.length),
    int8LargestDifference: round(most),
  }
}

function largestAt(values: Float32Array): number {
  return values.indexOf(values.reduce((a, b) => Math.max(a, b), -Infinity))
}

function goldenCases(net: IntentNet): readonly { readonly text: string; readonly probabilities: readonly number[] }[] {
  return GOLDEN.map((text) => ({
    text,
    probabilities: Array.from(softmax(logits(net, featuresOf(text.split(' '), net.buckets))), (value) => Number(value.toFixed(5))),
  }))
}

function cardOf(intents: readonly string[], sentences: readonly Sentence[], figures: Record<string, number>): object {
  return {
    name: 'starling-intent-en',
    version: '1.7.0',
    title: 'What a field technician wants: intent classifier over hashed words, word pairs and letters',
    licence: 'Apache-2.0',
    languages: ['en'],
    intendedUse:
      "Proposes an intent for a sentence that the domain's grammar does not read. A proposal under the policy's threshold is asked back or given to a person.",
    limits:
      'It has seen no text of real users: templates and sentences are by its makers, who also wrote the paraphrases that it is measured on. English only. It does not know negation, questions or conditions: the code around it does. Figures are of the classifier alone, on whole templates and written sentences that the judged nets never saw; `npm run bench -- intent` measures it with the grammar, as the device runs it.',
    intents,
    buckets: BUCKETS,
    training: {
      sentences: sentences.length,
      written: sentences.filter(({ isWritten }) => isWritten).length,
      seed: SEED,
      recipe: 'npm run train -- intent',
      data: 'made by this project, Apache-2.0',
    },
    figures,
  }
}

interface Stages {
  /** The numbers of a stage, made once. */
  once(name: string, make: () => Promise<Float32Array>): Promise<Float32Array>
}

function openStages(folder: string): Stages {
  mkdirSync(folder, { recursive: true })
  return {
    async once(name, make) {
      const path = join(folder, `${name}.f32`)
      const kept = readOrNull(path)
      if (kept !== null) return kept
      const made = await make()
      // A stage is there whole or not at all.
      writeFileSync(`${path}.part`, new Uint8Array(made.buffer, made.byteOffset, made.byteLength))
      renameSync(`${path}.part`, path)
      return made
    },
  }
}

function readOrNull(path: string): Float32Array | null {
  try {
    const bytes = Uint8Array.from(readFileSync(path))
    return new Float32Array(bytes.buffer)
  } catch {
    return null // Not made yet.
  }
}

async function keptNet(
  stages: Stages,
  { name, classes }: { readonly name: string; readonly classes: number },
  make: () => Promise<IntentNet>,
): Promise<IntentNet> {
  const all = await stages.once(name, async () => {
    const { w1, b1, w2, b2 } = await make()
    return Float32Array.from([...w1, ...b1, ...w2, ...b2])
  })
  // w1, b1, w2 and b2 one after the other: only the width of the middle is to be found.
  const buckets = BUCKETS
  const hidden = (all.length - classes) / (buckets + 1 + classes)
  const [b1, w2, b2] = [buckets * hidden, (buckets + 1) * hidden, (buckets + 1 + classes) * hidden]
  return {
    buckets,
    hidden,
    classes,
    w1: all.slice(0, b1),
    b1: all.slice(b1, w2),
    w2: all.slice(w2, b2),
    b2: all.slice(b2),
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`
}
