import { appendFileSync } from 'node:fs'
import * as runtime from 'onnxruntime-node'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { openVoiceModel } from '../../../edge-agent/neural/voice-model.ts'
import type { Hypothesis } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import { VoiceDetector } from '../../../edge-agent/speech/voice-detector.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { importTiny, writeTiny } from '../../support/model-folders.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'
import { tinyVoice } from '../../support/tiny-voice.ts'
import { sentences } from './sentences.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeAll(async () => {
  folder = await dataFolder('voice')
})
afterAll(async () => await folder.remove())

async function imported(name: string, like: Parameters<typeof tinyVoice>[0]): Promise<string> {
  const files = writeTiny(join(folder.path, 'given', name), tinyVoice(like))
  return (await importTiny(join(folder.path, 'imported'), files, { name })).dir
}

describe('an imported model of voice activity', () => {
  it('is asked of every 32 ms, however the samples are cut, and answers for the frames in them', async () => {
    const { model } = await openVoiceModel(runtime, await imported('level', { gain: 100, bias: -50 }))
    // A second of nothing and a second of ones: the model says 0 of the one and 1 of the other.
    const samples = new Float32Array(32_000).fill(1, 16_384)
    for (const cut of [100, 512, 32_000]) {
      const detector = new VoiceDetector(model)
      for (let from = 0; from < samples.length; from += cut)
        await detector.push(samples.subarray(from, from + cut))
      expect(detector.speechAt(95)).toBeLessThan(0.01)
      expect(detector.speechAt(107)).toBeGreaterThan(0.99)
      expect(detector.speechAt(10_000)).toBeGreaterThan(0.99)
    }
  })

  it('says of a frame when it comes what it says of it ever after', async () => {
    const { model } = await openVoiceModel(runtime, await imported('steady', { gain: 100, bias: -50 }))
    const samples = new Float32Array(32_000).fill(1, 16_384)
    const whole = new VoiceDetector(model)
    await whole.push(samples)
    const piecewise = new VoiceDetector(model)
    await piecewise.push(samples.subarray(0, 410))
    for (let frame = 0; 160 * frame + 410 < samples.length; frame++) {
      expect(piecewise.speechAt(frame)).toBe(whole.speechAt(frame))
      await piecewise.push(samples.subarray(160 * frame + 410, 160 * frame + 570))
    }
  })

  it('knows of no speech before it was given a step', async () => {
    const { model } = await openVoiceModel(runtime, await imported('sure', { bias: 50 }))
    expect(new VoiceDetector(model).speechAt(0)).toBe(0)
  })
})

describe('a recogniser whose user imported one', () => {
  let recogniser: Recogniser
  beforeAll(async () => {
    recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
    await recogniser.loadGrammar('commands', sentences(['open work order four two seven', 'no']))
  })
  afterAll(async () => await recogniser.close())

  const hear = async (voiceModel: string): Promise<Hypothesis> => {
    const stream = recogniser.open('commands', { sampleRate: 16_000, voiceModel })
    await stream.push(samplesOf(spoken('open')))
    return await stream.finish()
  }

  it('hears nothing where that model says that nobody speaks', async () => {
    expect((await hear(await imported('deaf', { bias: -50 }))).kind).toBe('nothing')
  })

  it('hears words where it says that somebody does', async () => {
    const heard = await hear(await imported('eager', { bias: 50 }))
    expect(heard).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
  })

  it('refuses the stream when its file was changed, and goes on with others', async () => {
    const dir = await imported('changed', { bias: 40 })
    appendFileSync(join(dir, 'model.onnx'), '\n')
    await expect(hear(dir)).rejects.toMatchObject({ code: 'model_file_refused' })
    expect((await hear(join(folder.path, 'imported', 'eager'))).kind).toBe('heard')
  })
})
