/**
 * Listens beside the turns: a command in the grammar's words that was asked back and then confirmed is kept, when the speaker agreed to
 * that. What was not confirmed stays in memory until the next turn and is then gone.
 */
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { writeWav } from '../speech/wav-writer.ts'
import type { AudioSource } from '../turn/ports.ts'
import type { TurnResult } from '../turn/result.ts'
import { consentOf } from './consent.ts'
import { keepPerformer } from './recording-performers.ts'
import type { Recordings } from './recordings.ts'

/** A command is a few seconds; a longer recording is not one that anybody can confirm. */
const LONGEST_S = 20
const YES = 'turn.confirm'

export interface RecorderParts {
  readonly kernel: Kernel
  readonly db: Queryable
  readonly recordings: Recordings
  readonly clock: Clock
  readonly log: Log
}

interface Asked {
  readonly turn: string
  readonly text: string
  readonly sampleRateHz: number
  readonly samples: Float32Array
}

export class Recorder {
  readonly #parts: RecorderParts
  #asked: Asked | null = null

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  /** The same audio, remembered while it passes; `heard` gives it back, null when it was too long. */
  tap(audio: AudioSource): { readonly audio: AudioSource; heard(): Float32Array | null } {
    const blocks: Float32Array[] = []
    let total = 0
    const limit = LONGEST_S * audio.sampleRateHz
    async function* passing(): AsyncGenerator<Float32Array> {
      for await (const block of audio.blocks) {
        total += block.length
        if (total <= limit) blocks.push(block.slice())
        else blocks.length = 0
        yield block
      }
    }
    return {
      audio: { ...audio, blocks: passing() },
      heard: () => (total > limit ? null : joined(blocks, total)),
    }
  }

  /** After each turn. A recording that could not be kept is told and costs the turn nothing. */
  async after(
    result: TurnResult,
    sound: { readonly sampleRateHz: number; readonly samples: Float32Array | null },
    person: Principal,
  ): Promise<void> {
    const asked = this.#asked
    const { turn, transcript, understood, outcome } = result
    // A yes is to the wish. Its words are known to be right only where they are a sentence of the grammar.
    const isSentence = transcript.kind === 'heard' && understood?.route === 'grammar'
    this.#asked =
      outcome.kind === 'question' && isSentence && sound.samples !== null
        ? { turn, text: transcript.text, sampleRateHz: sound.sampleRateHz, samples: sound.samples }
        : null
    if (asked === null || understood?.intent !== YES || outcome.kind !== 'done') return
    if ((await consentOf(this.#parts.db)).given) await this.#keep(asked, person)
  }

  async #keep({ turn, text, sampleRateHz, samples }: Asked, principal: Principal): Promise<void> {
    const { kernel, clock, log } = this.#parts
    const wav = writeWav(samples, sampleRateHz)
    const kept = {
      turn,
      text,
      sampleRateHz,
      seconds: samples.length / sampleRateHz,
      sha256: sha256Hex(wav),
      at: new Date(clock.nowMs()).toISOString(),
    }
    const input: JsonObject = { turn, sha256: kept.sha256, seconds: kept.seconds }
    const answer = await kernel.admit(keepPerformer(this.#parts, kept, wav), {
      principal,
      action: 'speech.keep',
      resource: { type: 'recording', id: turn },
      dataClass: 'personal',
      input,
      confidence: null,
      turn: null,
      cost: 1,
    })
    if (answer.kind !== 'performed')
      log.warn('a confirmed command was not kept', {
        reason: answer.kind === 'denied' ? answer.reason : answer.message,
      })
  }
}

function joined(blocks: readonly Float32Array[], total: number): Float32Array {
  const samples = new Float32Array(total)
  let at = 0
  for (const block of blocks) {
    samples.set(block, at)
    at += block.length
  }
  return samples
}
