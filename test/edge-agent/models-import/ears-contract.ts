/** What every model must keep to that hears for this device, whatever format it has and whatever runs it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import type { AudioSource, Ears, Heard } from '../../../edge-agent/turn/ports.ts'
import { glides } from '../../support/model-folders.ts'
import { wav } from '../../support/sounds.ts'

export interface EarsUnderTest {
  readonly ears: Ears
  close(): Promise<void>
}

const recording = wav(glides(4, 4, 16_000))
const never = new AbortController().signal
const listen = async (ears: Ears, audio: AudioSource): Promise<Heard> =>
  await ears.listen(audio, { onPartial: () => undefined, signal: never })

/** Gives what was heard of one fixed recording, so that adapters of one model can be held against each other. */
export function earsContract(name: string, open: () => Promise<EarsUnderTest>, heard: string[]): void {
  describe(`the ears of ${name}`, () => {
    let under: EarsUnderTest
    beforeAll(async () => {
      under = await open()
    })
    afterAll(async () => await under.close())

    it('hear the same in the same recording, and say how sure they are and how long it was', async () => {
      const first = await listen(under.ears, wavSource(recording))
      expect(first).toMatchObject({ kind: 'heard' })
      expect(first.text.length).toBeGreaterThan(0)
      expect(first.confidence).toBeGreaterThanOrEqual(0)
      expect(first.confidence).toBeLessThanOrEqual(1)
      expect(first.audioMs).toBeCloseTo(4_000, 0)
      expect((await listen(under.ears, wavSource(recording))).text).toBe(first.text)
      heard.push(first.text)
    })

    it('are named with what a policy selects on', () => {
      const { model } = under.ears
      expect(model.digest).toMatch(/^[0-9a-f]{64}$/)
      expect(model.traits).toMatchObject({ residency: 'device', licence: 'MIT' })
    })

    it('hear nothing more of who has stopped them, and go on for others', async () => {
      const stop = new AbortController()
      async function* half(): AsyncGenerator<Float32Array> {
        yield glides(5, 1, 16_000)
        stop.abort(new Error('enough'))
        yield glides(6, 1, 16_000)
      }
      const audio: AudioSource = { kind: 'microphone', sampleRateHz: 16_000, warnings: [], blocks: half() }
      await expect(
        under.ears.listen(audio, { onPartial: () => undefined, signal: stop.signal }),
      ).rejects.toThrow()
      await expect(
        under.ears.listen(wavSource(recording), { onPartial: () => undefined, signal: stop.signal }),
      ).rejects.toThrow('enough')
      expect((await listen(under.ears, wavSource(recording))).kind).toBe('heard')
    })

    it('hear audio of other rates', async () => {
      const slow = wav(glides(4, 2, 8_000), { rate: 8_000 })
      expect((await listen(under.ears, wavSource(slow))).audioMs).toBeCloseTo(2_000, 0)
    })
  })
}
