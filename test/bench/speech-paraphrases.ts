/**
 * Wishes in words that no template has, spoken: what a device makes of them with its grammar's ears alone, and hearing once more what
 * these do not settle. What wants nothing of it is spoken to it too. Texts that no generator saw, in synthetic voices: flite's are cut
 * from recordings of people, espeak-ng's is made by formulas, and dictation, ours or pocketsphinx's, hears hardly a word of it.
 */
import { fileURLToPath } from 'node:url'
import { loadDictation } from '../../edge-agent/evaluation/dictation-under-test.ts'
import { OUT_OF_SCOPE } from '../../edge-agent/intent/wish.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { openRecogniser, type Recogniser } from '../../edge-agent/speech/recogniser.ts'
import { writeWav } from '../../edge-agent/speech/wav-writer.ts'
import { openEars } from '../../edge-agent/turn/ears.ts'
import type { Ears } from '../../edge-agent/turn/ports.ts'
import { wavSource } from '../../edge-agent/turn/wav-source.ts'
import { systemClock } from '../../shared/clock.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import { openShippedUnderstanding } from '../edge-agent/intent/intent-bundle.ts'
import { SAMPLE_NAMES } from '../edge-agent/intent/known-names.ts'
import { RELEASED_ACOUSTIC } from '../support/released-traits.ts'
import { speak, type Voice } from '../support/synthesis.ts'
import { readOutOfScope, readParaphrases } from './intent-held-out.ts'
import type { BenchReport, BenchRow } from './report.ts'

const GRAMMAR = 'domain'
const DICTATION = 'dictation'
/** In turns. */
const VOICES: readonly Voice[] = [
  { program: 'flite', name: 'slt' },
  { program: 'espeak-ng', name: 'en-us', speed: 150 },
  { program: 'flite', name: 'rms' },
]
const PROGRESS_EVERY = 25

/** By the policy that ships. */
const { act: ACT, ask: ASK } = fieldServicePolicy({
  environment: 'development',
  version: 1,
  nowMs: 0,
}).thresholds

type Fate = 'acted' | 'asked' | 'left'

interface Answered {
  readonly program: Voice['program']
  readonly fate: Fate
  readonly isRight: boolean
}

type Understanding = Awaited<ReturnType<typeof openShippedUnderstanding>>

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const understanding = await openShippedUnderstanding()
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    const names = await loadAll(recogniser, understanding)
    const common = { clock: systemClock, traits: RELEASED_ACOUSTIC, voiceModel: () => null }
    const once = openEars(recogniser, GRAMMAR, common)
    const twice = openEars(recogniser, GRAMMAR, {
      ...common,
      dictation: { recogniser, grammar: async () => DICTATION, names },
    })
    const wishes = readParaphrases()
    const others = readOutOfScope().map((text) => ({ text, intent: OUT_OF_SCOPE }))
    const answer = async (ears: Ears, said: readonly Said[]): Promise<readonly Answered[]> =>
      await answered(said, { ears, understanding, progress })
    progress('wishes, heard by the grammar alone')
    const [wishedOnce, otherOnce] = [await answer(once, wishes), await answer(once, others)]
    progress('the same, heard twice where it is not sure')
    const [wishedTwice, otherTwice] = [await answer(twice, wishes), await answer(twice, others)]
    return {
      bench: 'speech-paraphrases',
      rows: (['flite', 'espeak-ng'] as const).flatMap((program) => {
        const by = (answers: readonly Answered[]) => answers.filter((one) => one.program === program)
        return [
          ...rowsOf(`wishes, ${program}`, by(wishedTwice), by(wishedOnce)),
          ...rowsOf(`what wants nothing, ${program}`, by(otherTwice), by(otherOnce)).filter(
            ({ name }) => !name.endsWith('rightly'),
          ),
        ]
      }),
    }
  } finally {
    await recogniser.close()
    await understanding.close()
  }
}

/** Gives the names that the sample site's device knows. */
async function loadAll(recogniser: Recogniser, understanding: Understanding): Promise<readonly string[]> {
  const { graph, pronunciations, openVocabulary, names } = understanding.grammarFor(SAMPLE_NAMES)
  await recogniser.loadGrammar(GRAMMAR, graph, pronunciations, { openVocabulary, guess: true })
  await loadDictation(recogniser, DICTATION)
  return names
}

interface Said {
  readonly text: string
  readonly intent: string
}

async function answered(
  said: readonly Said[],
  o: {
    readonly ears: Ears
    readonly understanding: Understanding
    progress(line: string): void
  },
): Promise<readonly Answered[]> {
  const answers: Answered[] = []
  for (const [at, { text, intent }] of said.entries()) {
    const voice = VOICES[at % VOICES.length]
    if (voice === undefined) continue
    const { samples, sampleRate } = speak(text, voice)
    const heard = await o.ears.listen(wavSource(writeWav(samples, sampleRate)), {
      onPartial: () => undefined,
      signal: new AbortController().signal,
    })
    answers.push({ program: voice.program, ...(await answerTo(heard, intent, o.understanding)) })
    if ((at + 1) % PROGRESS_EVERY === 0) o.progress(`${at + 1} of ${said.length}`)
  }
  return answers
}

async function answerTo(
  { kind, text, confidence, alternatives }: Awaited<ReturnType<Ears['listen']>>,
  intent: string,
  understanding: Understanding,
): Promise<Omit<Answered, 'program'>> {
  if (kind !== 'heard') return { fate: 'left', isRight: false }
  const meant = await understanding.understand(text, SAMPLE_NAMES, { alternatives })
  const sure = meant.intent === OUT_OF_SCOPE ? 0 : meant.confidence * confidence
  return { fate: sure >= ACT ? 'acted' : sure >= ASK ? 'asked' : 'left', isRight: meant.intent === intent }
}

/** The baseline is what the grammar's ears alone come to. */
function rowsOf(of: string, twice: readonly Answered[], once: readonly Answered[]): readonly BenchRow[] {
  const share = (answers: readonly Answered[], fate: Fate, isRight: boolean): number =>
    answers.filter((one) => one.fate === fate && one.isRight === isRight).length / answers.length
  const name = `${of} (${twice.length})`
  return (['acted', 'asked'] as const).flatMap((fate) =>
    [true, false].map((isRight): BenchRow => ({
      name: `${name}: ${fate === 'acted' ? 'acted on' : 'asked back'}, ${isRight ? 'rightly' : 'wrongly'}`,
      value: share(twice, fate, isRight),
      unit: 'share',
      baseline: share(once, fate, isRight),
    })),
  )
}
