/** Recordings of confirmed commands, on the real kernel and disk. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { Recorder } from '../../../edge-agent/adaptation/recorder.ts'
import { keepResolver } from '../../../edge-agent/adaptation/recording-performers.ts'
import {
  entriesOf,
  KEEP_RECORDINGS_DAYS,
  openRecordings,
  type Kept,
} from '../../../edge-agent/adaptation/recordings.ts'
import { NotPerformed, speechParts } from '../../../edge-agent/adaptation/voice.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { recordingOf } from '../../../edge-agent/evaluation/recording.ts'
import type { AudioSource } from '../../../edge-agent/turn/ports.ts'
import type { TurnOutcome, TurnResult } from '../../../edge-agent/turn/result.ts'
import { openLog } from '../../../shared/log.ts'
import { parseTurnId, uuidV7 } from '../../../shared/ids.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { samplesOf, spoken } from '../../support/sounds.ts'

let at: Governed
beforeAll(async () => {
  at = await governed()
  await migrate(at.db)
})
afterAll(async () => await at.close())

const person = { kind: 'person', id: 'amara', roles: ['technician'] } as const
const stranger = { kind: 'person', id: 'guest', roles: [] } as const

function stage(name: string) {
  const recordings = openRecordings(join(at.folder, name), realDisk, Buffer.from(name))
  const parts = {
    kernel: at.kernel,
    db: at.db,
    recordings,
    clock: at.clock,
    log: openLog({ part: 'test', clock: at.clock, json: false, write: () => undefined }),
  }
  return { recordings, recorder: new Recorder(parts), voice: speechParts(parts, person), parts }
}

const question: TurnOutcome = { kind: 'question', say: 'Did you mean?', intent: 'part.order' }
const done: TurnOutcome = { kind: 'done', say: 'Done.', output: null }

let made = 0
function result(
  text: string,
  intent: string,
  outcome: TurnOutcome,
  route: 'grammar' | 'classifier' = 'grammar',
): TurnResult {
  made += 1
  const id = uuidV7(at.clock.nowMs() + made, new Uint8Array(10).fill(made))
  return {
    turn: parseTurnId(id),
    transcript: { kind: 'heard', text, confidence: 1, warnings: [] },
    understood: { intent, confidence: 1, slots: {}, route },
    context: null,
    wishes: [],
    outcome,
    effects: [],
    timings: { audioMs: 1, endToOutcomeMs: 1, runtimeMs: 1 },
  }
}

async function play(recorder: Recorder, taken: TurnResult, seconds?: number): Promise<void> {
  const samples = seconds === undefined ? samplesOf(spoken('yes')) : new Float32Array(16_000 * seconds)
  const source: AudioSource = {
    kind: 'wav',
    sampleRateHz: 16_000,
    warnings: [],
    blocks: (async function* blocks() {
      for (let from = 0; from < samples.length; from += 4_000) yield samples.subarray(from, from + 4_000)
    })(),
  }
  const tapped = recorder.tap(source)
  let passed = 0
  for await (const block of tapped.audio.blocks) passed += block.length
  expect(passed).toBe(samples.length)
  await recorder.after(taken, { sampleRateHz: 16_000, samples: tapped.heard() }, person)
}

describe('recordings of confirmed commands', () => {
  it('are kept only with consent, only after a yes, only in the words of the grammar, and are what was said', async () => {
    const { recorder, recordings, voice } = stage('kept')
    await play(recorder, result('order a gasket', 'part.order', question))
    await play(recorder, result('yes', 'turn.confirm', done))
    expect(await recordings.list()).toEqual([])
    await voice.agree(true)
    await play(recorder, result('order a gasket', 'part.order', question))
    await play(recorder, result('no', 'turn.deny', done))
    await play(recorder, result('next step', 'step.next', done))
    await play(recorder, result('yes', 'turn.confirm', done))
    expect(await recordings.list()).toEqual([])
    await play(recorder, result('could do with a gas kit', 'part.order', question, 'classifier'))
    await play(recorder, result('yes', 'turn.confirm', done))
    expect(await recordings.list()).toEqual([])
    await play(recorder, result('order a gasket', 'part.order', question))
    await play(recorder, result('yes', 'turn.confirm', done))
    const kept = await recordings.list()
    expect(kept).toMatchObject([{ text: 'order a gasket' }])
    const [entry] = entriesOf(recordings, kept)
    const heard = entry === undefined ? null : recordingOf(entry)
    expect(heard?.samples).toHaveLength(samplesOf(spoken('yes')).length)
    const [turn] = kept
    const resolver = keepResolver(recordings)
    expect(await resolver.resolve({ input: { turn: turn?.turn ?? '' } })).toBe('took_place')
    expect(await resolver.resolve({ input: { turn: 'other' } })).toBe('did_not_take_place')
    expect(await resolver.resolve({ input: null })).toBe('unknown')
  })

  it('are refused once consent is withdrawn, and forgotten when asked', async () => {
    const { recorder, recordings, voice } = stage('withdrawn')
    await voice.agree(true)
    await play(recorder, result('order a gasket', 'part.order', question))
    await play(recorder, result('yes', 'turn.confirm', done))
    await play(recorder, result('order a filter', 'part.order', question))
    await voice.agree(false)
    await play(recorder, result('yes', 'turn.confirm', done))
    expect(await recordings.list()).toHaveLength(1)
    expect(await voice.consent()).toMatchObject({ given: false, by: 'amara' })
    expect(await voice.forget()).toBe(1)
    expect(await recordings.list()).toEqual([])
  })

  it('are not kept when they are too long, nor listed when only half is there', async () => {
    const { recorder, recordings, voice } = stage('long')
    await voice.agree(true)
    await play(recorder, result('a long story', 'note.record', question), 25)
    await play(recorder, result('yes', 'turn.confirm', done))
    expect(await recordings.list()).toEqual([])
    await play(recorder, result('order a gasket', 'part.order', question))
    await play(recorder, result('yes', 'turn.confirm', done))
    writeFileSync(join(recordings.folder, 'half.json'), '{"turn":')
    expect(await recordings.list()).toHaveLength(1)
    expect(readdirSync(recordings.folder)).toHaveLength(3)
  })

  it('are encrypted on the disk, kept once, let go after their time, and missed when they were changed', async () => {
    const { recordings } = stage('sealed')
    const nowMs = Date.parse('2026-06-01T00:00:00.000Z')
    const wav = new Uint8Array(spoken('yes'))
    const keep = async (turn: number, ageDays: number, bytes = wav): Promise<Kept> => {
      const kept = {
        turn: `${turn}`.padStart(8, '0') + '-0000-7000-8000-000000000000',
        text: 'order a gasket',
        sampleRateHz: 16_000,
        seconds: 1,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        at: new Date(nowMs - ageDays * 86_400_000).toISOString(),
      }
      await recordings.keep(kept, bytes)
      return kept
    }
    const sounds = join(recordings.folder, 'sounds')
    const first = await keep(1, KEEP_RECORDINGS_DAYS - 1)
    await keep(2, 10)
    const other = await keep(3, 5, new Uint8Array(spoken('log')))
    expect(readdirSync(sounds)).toHaveLength(2)
    for (const name of readdirSync(sounds)) {
      expect([first.sha256, other.sha256]).not.toContain(name)
      expect(readFileSync(join(sounds, name)).includes('WAVE')).toBe(false)
    }
    expect(Buffer.from(recordings.sound(first)).equals(wav)).toBe(true)
    // The sound of the first is the second's too: it stays when the first goes.
    await recordings.tidy(nowMs + 2 * 86_400_000)
    expect((await recordings.list()).map(({ turn }) => turn[7])).toEqual(['2', '3'])
    expect(readdirSync(sounds)).toHaveLength(2)
    expect(await recordings.damaged()).toEqual([])
    for (const name of readdirSync(sounds)) {
      const bytes = readFileSync(join(sounds, name))
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      writeFileSync(join(sounds, name), bytes)
    }
    expect(await recordings.damaged()).toHaveLength(2)
    expect(() => recordings.sound(other)).toThrow(expect.objectContaining({ code: 'blob_damaged' }) as Error)
    const stranger_ = openRecordings(recordings.folder, realDisk, Buffer.from('another device'))
    expect(() => stranger_.sound(other)).toThrow(expect.objectContaining({ code: 'blob_missing' }) as Error)
    await keep(4, 0, new Uint8Array(spoken('log')))
    expect(Buffer.from(recordings.sound(other)).equals(Buffer.from(spoken('log')))).toBe(true)
    await recordings.tidy(nowMs + 2 * KEEP_RECORDINGS_DAYS * 86_400_000)
    expect([await recordings.list(), readdirSync(sounds)]).toEqual([[], []])
  })

  it('of before they were encrypted are sealed when they are next looked after', async () => {
    const { recordings } = stage('plain')
    const wav = new Uint8Array(spoken('yes'))
    const turn = '00000001-0000-7000-8000-000000000000'
    const sha256 = createHash('sha256').update(wav).digest('hex')
    mkdirSync(recordings.folder)
    writeFileSync(join(recordings.folder, `${turn}.wav`), wav)
    const line = {
      turn,
      text: 'yes',
      sampleRateHz: 16_000,
      seconds: 1,
      sha256,
      at: '2026-06-01T00:00:00.000Z',
    }
    writeFileSync(join(recordings.folder, `${turn}.json`), JSON.stringify(line))
    await recordings.tidy(Date.parse(line.at))
    const [kept] = await recordings.list()
    expect(kept === undefined ? null : Buffer.from(recordings.sound(kept)).equals(wav)).toBe(true)
    expect(readdirSync(recordings.folder).toSorted()).toEqual([`${turn}.json`, 'sounds'])
  })

  it('are nobody’s to ask for without the right', async () => {
    const { parts } = stage('stranger')
    await expect(speechParts(parts, stranger).agree(true)).rejects.toThrow(NotPerformed)
  })
})
