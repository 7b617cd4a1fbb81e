import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openDomainUnderTest } from '../../../edge-agent/evaluation/domain-under-test.ts'
import { utterancesIn } from '../../../edge-agent/evaluation/open-microphone.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import type { HeardWord } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser } from '../../../edge-agent/speech/recogniser.ts'
import { isSaidSo } from '../../../edge-agent/speech/said-so.ts'
import { VoicedFrames } from '../../../edge-agent/speech/voiced-frames.ts'
import { NON_SPEECH } from '../../support/non-speech.ts'

const FRAME_MS = 10

const word = (text: string, startMs: number, endMs: number): HeardWord => ({
  word: text,
  startMs,
  endMs,
  confidence: 1,
  open: false,
  evidence: [],
})

/** Voiced in every frame from `fromMs` to `toMs`. */
function voice(...spans: readonly (readonly [fromMs: number, toMs: number])[]): VoicedFrames {
  const frames = new VoicedFrames()
  for (const [from, to] of spans) for (let at = from / FRAME_MS; at < to / FRAME_MS; at++) frames.add(at, 1)
  return frames
}

describe('words can have been said as they were found', () => {
  it('when they hold most of the voice', () => {
    const words = [word('next', 500, 800), word('step', 800, 1_200)]
    expect(isSaidSo(words, voice([500, 1_200]))).toBe(true)
    expect(isSaidSo(words, voice([500, 1_200], [1_500, 2_800]))).toBe(false)
  })

  it('when little of it lies between them, as loud', () => {
    const apart = [word('next', 500, 800), word('step', 1_200, 1_600)]
    expect(isSaidSo(apart, voice([500, 800], [1_200, 1_600]))).toBe(true)
    expect(isSaidSo(apart, voice([500, 1_600]))).toBe(false)
  })

  it('when none is drawn out as nobody would', () => {
    expect(isSaidSo([word('again', 0, 1_150)], voice([0, 1_150]))).toBe(true)
    expect(isSaidSo([word('again', 0, 1_160)], voice([0, 1_160]))).toBe(false)
    expect(isSaidSo([word('understand', 0, 1_160)], voice([0, 1_160]))).toBe(true)
  })
})

it('a machine that hums a vowel says no word', async () => {
  const recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  try {
    const domain = openDomainUnderTest(fileURLToPath(new URL('field-service.yaml', MODEL_FOLDERS.domains)))
    await domain.load(recogniser, 'domain')
    // The minute of the hour of `npm run bench -- speech-rejection` in which "again" was heard ten times.
    const samples = NON_SPEECH.hum(60, 50).subarray(0, 20 * 16_000)
    const kinds: string[] = []
    for await (const { kind } of utterancesIn(recogniser, { grammar: 'domain', samples, sampleRate: 16_000 }))
      kinds.push(kind)
    expect(kinds).toContain('rejected')
    expect(kinds).not.toContain('heard')
  } finally {
    await recogniser.close()
  }
}, 60_000)
