/** Notes to the field-service domain: heard by its grammar alone, and with what is noted dictated; from the last sample to the words. */
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { loadDictation } from '../../edge-agent/evaluation/dictation-under-test.ts'
import { openDomainUnderTest } from '../../edge-agent/evaluation/domain-under-test.ts'
import { wordErrors } from '../../edge-agent/evaluation/word-errors.ts'
import { wordsOf } from '../../edge-agent/intent/normalise.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { openRecogniser } from '../../edge-agent/speech/recogniser.ts'
import { openEars } from '../../edge-agent/turn/ears.ts'
import type { AudioSource, Ears } from '../../edge-agent/turn/ports.ts'
import { systemClock } from '../../shared/clock.ts'
import { RELEASED_ACOUSTIC } from '../support/released-traits.ts'
import { speak, type Voice } from '../support/synthesis.ts'
import { NOTES } from './read-sentences.ts'
import { quantile, type BenchRow } from './report.ts'

const BLOCK_MS = 100
const GRAMMAR = 'domain'
const DICTATION = 'dictation'

/** Each note is played as a microphone would, by the clock. */
export async function notedRows(voice: Voice): Promise<readonly BenchRow[]> {
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    const domain = openDomainUnderTest(fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains)))
    await domain.load(recogniser, GRAMMAR)
    const [beganMs, before] = [performance.now(), process.memoryUsage.rss()]
    await loadDictation(recogniser, DICTATION)
    const [loadMs, memory] = [performance.now() - beganMs, process.memoryUsage.rss() - before]
    const common = { clock: systemClock, traits: RELEASED_ACOUSTIC, voiceModel: () => null }
    const usedBy = async (ears: Ears) => {
      const usedMs = await recogniser.processorMs()
      const notes = await played(ears, voice)
      return { ...notes, share: ((await recogniser.processorMs()) - usedMs) / notes.audioMs }
    }
    const alone = await usedBy(openEars(recogniser, GRAMMAR, common))
    const dictation = { recogniser, grammar: async () => DICTATION, names: [] }
    const dictated = await usedBy(openEars(recogniser, GRAMMAR, { ...common, dictation }))
    return [
      { name: 'words wrong in notes, dictated', value: dictated.wrong, unit: '%', baseline: alone.wrong },
      {
        name: 'end of a note to its words, p50',
        value: quantile(dictated.waitsMs, 0.5),
        unit: 'ms',
        baseline: quantile(alone.waitsMs, 0.5),
      },
      {
        name: 'end of a note to its words, p95',
        value: quantile(dictated.waitsMs, 0.95),
        unit: 'ms',
        baseline: quantile(alone.waitsMs, 0.95),
      },
      {
        name: 'processor time of notes, dictated',
        value: dictated.share,
        unit: 'of a processor',
        baseline: alone.share,
      },
      { name: 'to load dictation, once', value: loadMs, unit: 'ms' },
      { name: 'memory that dictation adds when it is loaded', value: memory / 1e6, unit: 'MB' },
    ]
  } finally {
    await recogniser.close()
  }
}

async function played(ears: Ears, voice: Voice) {
  let [wrong, said, audioMs] = [0, 0, 0]
  const waitsMs: number[] = []
  for (const note of NOTES) {
    const { sampleRate, samples } = speak(note, voice)
    const heard = await ears.listen(live(samples, sampleRate), {
      onPartial: () => undefined,
      signal: new AbortController().signal,
    })
    const { insertions, deletions, substitutions } = wordErrors(wordsOf(note), wordsOf(heard.text))
    wrong += insertions + deletions + substitutions
    said += wordsOf(note).length
    waitsMs.push(heard.finishMs)
    audioMs += heard.audioMs
  }
  return { wrong: Math.round((1_000 * wrong) / said) / 10, waitsMs, audioMs }
}

function live(samples: Float32Array, sampleRateHz: number): AudioSource {
  const size = (sampleRateHz * BLOCK_MS) / 1_000
  const blocks = async function* (): AsyncGenerator<Float32Array> {
    const begunMs = performance.now()
    for (let at = 0; at < samples.length; at += size) {
      const dueMs = begunMs + (1_000 * (at + size)) / sampleRateHz
      await delay(Math.max(0, dueMs - performance.now()))
      yield samples.slice(at, at + size)
    }
  }
  return { kind: 'microphone', sampleRateHz, warnings: [], blocks: blocks() }
}
