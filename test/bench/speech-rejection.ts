/**
 * Sounds in which nobody speaks to Starling, streamed as from an open microphone. What is accepted is counted an hour.
 * `--minutes N` a sound, 60 unless said.
 */
import { fileURLToPath } from 'node:url'
import { openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { utterancesIn } from '../../edge-agent/evaluation/open-microphone.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { openRecogniser } from '../../edge-agent/speech/recogniser.ts'
import { Resampler } from '../../edge-agent/speech/resampler.ts'
import { NON_SPEECH, type NonSpeech } from '../support/non-speech.ts'
import { isInstalled, speak, SYNTHESIS_REMEDY } from '../support/synthesis.ts'
import { FOREIGN } from './foreign-speech.ts'
import type { BenchOptions, BenchReport, BenchRow } from './report.ts'

const RATE = 16_000
const FIELD_SERVICE = fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains))

export async function run(progress: (line: string) => void, options: BenchOptions): Promise<BenchReport> {
  const minutes = Number(options.minutes ?? '60')
  const domain = openDomainUnderTest(options.domain ?? FIELD_SERVICE)
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  const rows: BenchRow[] = []
  try {
    await domain.load(recogniser, 'domain')
    for (const [name, minuteOf] of sources(progress)) {
      const found: Found = { words: 0, commands: 0, utterances: 0 }
      for (let minute = 0; minute < minutes; minute++)
        for await (const heard of utterancesIn(recogniser, {
          grammar: 'domain',
          samples: minuteOf(minute),
          sampleRate: RATE,
        })) {
          found.utterances++
          if (heard.kind !== 'heard') continue
          found.words += heard.words.length
          const reading = domain.understand(heard.text)
          if (reading === null || !domain.accepts(heard, reading)) continue
          found.commands++
          progress(`${name}, minute ${minute}: "${heard.text}" (${heard.confidence})`)
        }
      progress(`${name}: ${minutes} minutes, ${found.utterances} utterances`)
      rows.push(...rowsOf(name, found, minutes))
    }
  } finally {
    await recogniser.close()
  }
  return { bench: 'speech-rejection', rows }
}

interface Found {
  words: number
  commands: number
  utterances: number
}

function rowsOf(name: string, found: Found, minutes: number): BenchRow[] {
  const anHour = (count: number): number => Math.round((count * 600) / minutes) / 10
  return [
    {
      name: `${name}: commands accepted`,
      value: anHour(found.commands),
      unit: 'an hour',
      goal: { op: '<=', value: 0 },
    },
    { name: `${name}: words accepted`, value: anHour(found.words), unit: 'an hour' },
  ]
}

/** A minute of each sound by its number. */
function sources(progress: (line: string) => void): [string, (minute: number) => Float32Array][] {
  const made = (Object.keys(NON_SPEECH) as NonSpeech[]).map(
    (name): [string, (minute: number) => Float32Array] => [
      name,
      (minute) => NON_SPEECH[name](60, minute + 1),
    ],
  )
  if (!isInstalled('espeak-ng')) {
    progress(`other languages are left out: espeak-ng is missing; ${SYNTHESIS_REMEDY}`)
    return made
  }
  const foreign = Object.keys(FOREIGN).map((language): [string, (minute: number) => Float32Array] => [
    `language ${language}`,
    (minute) => foreignMinute(language, minute),
  ])
  return [...made, ...foreign]
}

/** The language's sentences one after another, each minute by another voice, with pauses. */
function foreignMinute(language: string, minute: number): Float32Array {
  const out = new Float32Array(60 * RATE)
  const variants = ['', '+f2', '+m3', '+f4', '+m7', '+f3', '+m1']
  const voice = `${language}${variants[minute % variants.length] ?? ''}`
  const texts = FOREIGN[language] ?? []
  for (let at = RATE / 2, turn = minute; at < out.length; turn++) {
    const speed = 130 + ((turn * 37) % 80)
    const sound = speak(texts[turn % texts.length] ?? '', { program: 'espeak-ng', name: voice, speed })
    const samples = new Resampler(sound.sampleRate, RATE).push(sound.samples)
    out.set(samples.subarray(0, out.length - at), at)
    at += samples.length + RATE * (0.3 + 0.4 * (turn % 4))
  }
  return out
}
