/** Plays a manifest of recordings to the recogniser and says how many were understood. For people and for tuning. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { parse as parseYaml } from 'yaml'
import { expressionGraph, type Expressions, readSlots } from './expressions.ts'
import type { Hypothesis } from './hypothesis.ts'
import { mixAt } from './noise-mixing.ts'
import { openRecogniser, type Recogniser } from './recogniser.ts'
import { Resampler } from './resampler.ts'
import { TUNING, type Tuning } from './tuning.ts'
import { readWav, type WavAudio } from './wav.ts'

const USAGE = `Usage: node dist/edge-agent/speech/evaluate.js --manifest FILE.jsonl [options]
  --manifest FILE   a line a recording: {"audio", "set", "text"} or {"audio", "set", "intent", "slots"}
  --grammar FILE    YAML with context.expressions and context.slots, for recordings with an intent
  --noise FILE --snr DB   mix noise in, power over the whole file
  --set NAME        only recordings of this set
  --limit N         only the first N
  --model DIR       model folder (default: the shipped one)
  --verbose         print every recording that was not understood
  --json            one JSON object`

const Line = v.object({
  audio: v.string(),
  set: v.optional(v.string(), 'all'),
  text: v.optional(v.string()),
  intent: v.optional(v.string()),
  slots: v.optional(v.record(v.string(), v.string()), {}),
})
type Line = v.InferOutput<typeof Line>

const GrammarFile = v.object({
  context: v.object({
    expressions: v.record(v.string(), v.array(v.string())),
    slots: v.record(v.string(), v.array(v.string())),
  }),
})

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
const DEFAULT_MODEL = fileURLToPath(new URL('../../../edge-agent/models/speech/', import.meta.url))

interface Outcome {
  readonly line: Line
  readonly heard: Hypothesis
  readonly right: boolean
}

function readAudio(path: string): WavAudio {
  const isWav = extname(path) === '.wav'
  const bytes = isWav
    ? readFileSync(path)
    : execFileSync('flac', ['-s', '-d', '-c', path], { maxBuffer: 1 << 30 })
  return readWav(bytes)
}

function isRight(line: Line, heard: Hypothesis, expressions: Expressions | undefined): boolean {
  if (heard.kind !== 'heard') return false
  if (line.intent === undefined) return heard.text === line.text
  const reading = expressions === undefined ? undefined : readSlots(expressions, heard.text)
  if (reading?.intent !== line.intent) return false
  const wanted = Object.entries(line.slots).map(([name, value]) => [name, value.trim().toLowerCase()])
  const got = Object.entries(reading.slots)
  return (
    wanted.length === got.length &&
    wanted.every(([name, value]) => reading.slots[name ?? '']?.toLowerCase() === value)
  )
}

function singleWords(texts: readonly string[]): Expressions {
  return { intents: { say: ['$all:all'] }, slots: { all: [...new Set(texts)] } }
}

async function play(recogniser: Recogniser, line: Line, audio: WavAudio): Promise<Hypothesis> {
  const stream = recogniser.open(line.intent === undefined ? 'texts' : 'commands', {
    sampleRate: audio.sampleRate,
  })
  await stream.push(audio.samples)
  return stream.finish()
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      manifest: { type: 'string' },
      grammar: { type: 'string' },
      noise: { type: 'string' },
      snr: { type: 'string' },
      set: { type: 'string' },
      limit: { type: 'string' },
      model: { type: 'string', default: DEFAULT_MODEL },
      tuning: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || values.manifest === undefined) {
    console.log(USAGE)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const folder = dirname(resolve(values.manifest))
  const lines = readFileSync(values.manifest, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => v.parse(Line, JSON.parse(line)))
    .filter((line) => values.set === undefined || line.set === values.set)
    .slice(0, values.limit === undefined ? undefined : Number(values.limit))
  const expressions = values.grammar === undefined ? undefined : readGrammar(values.grammar)
  const tuning: Tuning =
    values.tuning === undefined ? TUNING : { ...TUNING, ...(JSON.parse(values.tuning) as Partial<Tuning>) }
  const noise = values.noise === undefined ? undefined : readAudio(values.noise)
  const snr = Number(values.snr ?? '12')

  const recogniser = await openRecogniser({ modelDir: values.model })
  const outcomes: Outcome[] = []
  try {
    const texts = lines.filter((line) => line.intent === undefined).map((line) => line.text ?? '')
    const began = performance.now()
    if (expressions !== undefined)
      await recogniser.loadGrammar('commands', expressionGraph(expressions), {}, { guess: true, tuning })
    const words = texts.every((text) => DIGITS.includes(text)) ? DIGITS : texts
    if (texts.length > 0)
      await recogniser.loadGrammar('texts', expressionGraph(singleWords(words)), {}, { guess: true, tuning })
    if (!values.json)
      console.log(
        `grammars built in ${Math.round(performance.now() - began)} ms; ${availableParallelism()} cores`,
      )
    for (const line of lines) {
      const clean = readAudio(join(folder, line.audio))
      const audio = noise === undefined ? clean : noisy(clean, noise, snr, outcomes.length)
      const heard = await play(recogniser, line, audio)
      const right = isRight(line, heard, expressions)
      outcomes.push({ line, heard, right })
      if (values.verbose)
        console.log(
          `${right ? 'ok   ' : 'WRONG'} ${heard.kind} ${heard.confidence} | ${heard.text} | ${line.text ?? Object.values(line.slots).join(', ')} | ${line.audio}`,
        )
    }
  } finally {
    await recogniser.close()
  }
  report(outcomes, values.json)
}

function readGrammar(path: string): Expressions {
  const { context } = v.parse(GrammarFile, parseYaml(readFileSync(path, 'utf8')))
  return { intents: context.expressions, slots: context.slots }
}

function noisy(clean: WavAudio, noise: WavAudio, snr: number, turn: number): WavAudio {
  const resampler = new Resampler(noise.sampleRate, clean.sampleRate)
  const sound = noise.sampleRate === clean.sampleRate ? noise.samples : resampler.push(noise.samples)
  // Each recording meets another stretch of the noise, the same one in every run.
  const offset = (turn * 7_919 * 16) % sound.length
  return { ...clean, samples: mixAt(clean.samples, sound, { snrDb: snr, offset }) }
}

function report(outcomes: readonly Outcome[], json: boolean): void {
  const sets = new Map<string, Outcome[]>()
  for (const outcome of outcomes) sets.set(outcome.line.set, [...(sets.get(outcome.line.set) ?? []), outcome])
  const rows = [...sets].map(([set, list]) => {
    const sum = (pick: (h: Hypothesis) => number) => list.reduce((total, { heard }) => total + pick(heard), 0)
    const audioMs = sum((h) => h.timings.audioMs)
    const finishes = list.map(({ heard }) => heard.timings.finishUs / 1_000).sort((a, b) => a - b)
    return {
      set,
      recordings: list.length,
      right: list.filter((outcome) => outcome.right).length / list.length,
      accepted: list.filter(({ heard }) => heard.kind === 'heard').length / list.length,
      wrongAccepted: list.filter(({ heard, right }) => heard.kind === 'heard' && !right).length / list.length,
      realTimeFactor: sum((h) => h.timings.totalUs) / 1_000 / audioMs,
      runtimeFactor: sum((h) => h.timings.runtimeUs) / 1_000 / audioMs,
      finishP50Ms: finishes[Math.floor(finishes.length * 0.5)] ?? 0,
      finishP95Ms: finishes[Math.floor(finishes.length * 0.95)] ?? 0,
    }
  })
  if (json) console.log(JSON.stringify({ bench: 'speech-people', rows }))
  else
    console.table(
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([k, x]) => [k, typeof x === 'number' ? Number(x.toFixed(4)) : x]),
        ),
      ),
    )
}

await main()
