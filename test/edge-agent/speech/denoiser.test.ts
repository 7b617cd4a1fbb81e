/** The denoiser that ships, on the runtime itself: what it does to speech in noise and in quiet, and what it refuses. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as runtime from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mixAt } from '../../../edge-agent/evaluation/noise.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { clatter, plucked, rumble, rush } from '../../../edge-agent/models/training/confidence/noises.ts'
import { Denoiser } from '../../../edge-agent/speech/denoiser.ts'
import { type DenoiserModel, openDenoiser } from '../../../edge-agent/speech/denoiser-model.ts'
import { CEPSTRA, type Frame, FrontEnd } from '../../../edge-agent/speech/front-end.ts'
import { seeded } from '../../../shared/seeded.ts'
import { samplesOf, silence, spoken } from '../../support/sounds.ts'

const FOLDER = fileURLToPath(MODEL_FOLDERS.denoiser)
const SPEECH = samplesOf(spoken('open'))

let model: DenoiserModel
beforeAll(async () => {
  model = await openDenoiser(runtime, FOLDER)
})

function framesOf(samples: Float32Array): readonly Frame[] {
  const frontEnd = new FrontEnd()
  return [...frontEnd.push(samples), ...frontEnd.finish()]
}

async function denoised(frames: readonly Frame[], cut = frames.length): Promise<readonly Frame[]> {
  const denoiser = new Denoiser(model)
  const out: Frame[] = []
  for (let from = 0; from < frames.length; from += cut)
    out.push(...(await denoiser.push(frames.slice(from, from + cut), false)).frames)
  return [...out, ...(await denoiser.push([], true)).frames]
}

/** Mean distance of cepstra, the loudness and what all frames share left out, over frames that stand out in `quiet`. */
function apart(quiet: readonly Frame[], others: readonly Frame[]): number {
  const loud = [...quiet.keys()].filter((t) => (quiet[t]?.level ?? 0) > 0.02)
  let sum = 0
  for (let c = 1; c < CEPSTRA; c++) {
    const off = loud.map((t) => (others[t]?.cepstra[c] ?? NaN) - (quiet[t]?.cepstra[c] ?? NaN))
    const mean = off.reduce((total, value) => total + value, 0) / off.length
    sum += off.reduce((total, value) => total + (value - mean) ** 2, 0) / off.length
  }
  return Math.sqrt(sum)
}

describe('the denoiser', () => {
  it.each(Object.entries({ rush, rumble, clatter, plucked }))(
    'brings speech in %s nearer to what it is in quiet',
    async (_, kind) => {
      const quiet = framesOf(SPEECH)
      for (const seed of [1, 2, 3]) {
        const noisy = framesOf(mixAt(SPEECH, kind(SPEECH.length, seeded(seed)), { snrDb: 5, offset: 0 }))
        expect(apart(quiet, await denoised(noisy))).toBeLessThan(0.99 * apart(quiet, noisy))
      }
    },
  )

  it('leaves speech in quiet nearer to itself than a little noise would', async () => {
    const quiet = framesOf(SPEECH)
    const noisy = framesOf(mixAt(SPEECH, rumble(SPEECH.length, seeded(4)), { snrDb: 15, offset: 0 }))
    expect(apart(quiet, await denoised(quiet))).toBeLessThan(apart(quiet, noisy))
  })

  it('gives each frame once and in order, the same however the frames come', async () => {
    const frames = framesOf(SPEECH)
    const at = frames.map(({ level, voicing }) => [level, voicing])
    const whole = await denoised(frames)
    expect(whole.map(({ level, voicing }) => [level, voicing])).toEqual(at)
    for (const cut of [1, 7, 16]) expect(await denoised(frames, cut)).toEqual(whole)
  })

  it('gives nothing for nothing, and all of what is shorter than its step', async () => {
    expect(await denoised([])).toEqual([])
    const short = framesOf(silence(0.06))
    expect(await denoised(short)).toHaveLength(short.length)
  })
})

describe('a denoiser that is not as it was made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-denoiser-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is refused, whether its numbers differ, its golden vectors are damaged or its net is missing', async () => {
    cpSync(FOLDER, folder, { recursive: true })
    const file = join(folder, 'golden.json')
    const golden = JSON.parse(readFileSync(file, 'utf8')) as { moves: number[][] }
    const [first = []] = golden.moves
    writeFileSync(
      file,
      JSON.stringify({ ...golden, moves: [first.map((move) => move + 0.1), ...golden.moves.slice(1)] }),
    )
    await expect(openDenoiser(runtime, folder)).rejects.toMatchObject({
      code: 'model_refused',
      message: expect.stringContaining('golden vectors') as string,
    })
    writeFileSync(file, JSON.stringify({ ...golden, moves: [] }))
    await expect(openDenoiser(runtime, folder)).rejects.toMatchObject({ code: 'model_refused' })
    writeFileSync(file, '{"ahead":')
    await expect(openDenoiser(runtime, folder)).rejects.toMatchObject({ code: 'model_refused' })
    writeFileSync(file, JSON.stringify(golden))
    await expect(openDenoiser(runtime, folder)).resolves.toBeDefined()
    rmSync(join(folder, 'denoiser.onnx'))
    await expect(openDenoiser(runtime, folder)).rejects.toMatchObject({ code: 'model_refused' })
  })
})
