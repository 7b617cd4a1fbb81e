import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openModels } from '../../../edge-agent/agent/models.ts'
import { OUT_OF_SCOPE } from '../../../edge-agent/intent/wish.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { Shadow } from '../../../edge-agent/trial/shadow.ts'
import { openShadowTrial, type ShadowTrial } from '../../../edge-agent/trial/shadow-trial.ts'
import type { AudioSource, Ears, Heard, Meaning, Mind, RoutedModel } from '../../../edge-agent/turn/ports.ts'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import type { BundleFacts } from '../../../edge-agent/update/slot-facts.ts'
import { systemClock } from '../../../shared/clock.ts'
import { handClock, type HandClock } from '../../support/hand-clock.ts'
import { spoken } from '../../support/sounds.ts'
import { shippedIntentFolder } from '../intent/intent-bundle.ts'

const model = { name: 'm', provider: 'cpu' } as unknown as RoutedModel
const { signal } = new AbortController()
const never = new Promise<never>(() => undefined)

function meaning(intent: string): Meaning {
  const one = {
    intent,
    confidence: 1,
    slots: {},
    spans: {},
    missing: [],
    effectful: true,
    route: 'grammar',
  } as const
  return { ...one, further: [], amends: false, text: intent, runtimeMs: 1 }
}

/** A mind that understands each word as itself, and others as out of scope. */
function mindOf(knows: (text: string) => string | Promise<string>): Mind {
  return {
    model,
    phraseOf: (intent) => intent,
    thresholdsOf: () => ({ act: null, ask: null }),
    understand: async ({ text }) => meaning(await knows(text)),
  }
}

function heard(kind: Heard['kind'], text: string): Heard {
  return { kind, text, confidence: 1, alternatives: [], audioMs: 1, finishMs: 1, runtimeMs: 1 }
}

/** Ears that hear how many samples there were, and take the blocks away as a thread does. */
function ears(hears: (samples: number) => Heard): Ears {
  return {
    model,
    listen: async (sound) => {
      let samples = 0
      for await (const block of sound.blocks) {
        samples += block.length
        structuredClone(block, { transfer: [block.buffer as ArrayBuffer] })
      }
      return hears(samples)
    },
  }
}

function audio(blocks: readonly number[], sampleRateHz = 16_000): AudioSource {
  async function* sounding(): AsyncGenerator<Float32Array> {
    for (const length of blocks) yield new Float32Array(length)
  }
  return { kind: 'microphone', sampleRateHz, warnings: [], blocks: sounding() }
}

const utterance = (text: string) => ({ text, confidence: 1, alternatives: [], before: null, context: null })
const listening = { onPartial: () => undefined, signal }

describe('a shadow', () => {
  const present = mindOf((text) => (text === 'mumble' ? OUT_OF_SCOPE : text))

  it('counts where the new version does worse and better, and changes no answer', async () => {
    const shadow = new Shadow({
      kind: 'understanding',
      mind: () =>
        mindOf((text) => ({ open: 'open', close: 'open', note: OUT_OF_SCOPE, mumble: 'note' })[text] ?? text),
    })
    const mind = shadow.mind(present)
    const answers = []
    for (const text of ['open', 'close', 'note', 'mumble'])
      answers.push((await mind.understand(utterance(text))).intent)
    await shadow.settled()
    expect(answers).toEqual(['open', 'close', 'note', OUT_OF_SCOPE])
    expect(shadow.counts()).toEqual({ inputs: 4, worse: 2, better: 1, skipped: 0 })
  })

  it('gives new ears the very samples, after the present ones heard them', async () => {
    const given: number[] = []
    const shadow = new Shadow({
      kind: 'speech',
      ears: () =>
        ears((samples) => {
          given.push(samples)
          return heard(samples > 100 ? 'heard' : 'rejected', `${samples}`)
        }),
    })
    const both = shadow.ears(ears((samples) => heard(samples > 500 ? 'rejected' : 'heard', `${samples}`)))
    for (const blocks of [[100, 200], [50], [400, 400]])
      expect((await both.listen(audio(blocks), listening)).text).toBe(String(blocks.reduce((a, b) => a + b)))
    await shadow.settled()
    expect(given).toEqual([300, 50, 800])
    expect(shadow.counts()).toEqual({ inputs: 3, worse: 1, better: 1, skipped: 0 })
  })

  it('takes a failure of the new version as worse, and lets no turn notice it', async () => {
    const failing = mindOf(() => {
      throw new Error('out of memory')
    })
    const shadow = new Shadow({ kind: 'understanding', mind: () => failing })
    expect((await shadow.mind(present).understand(utterance('open'))).intent).toBe('open')
    await shadow.settled()
    expect(shadow.counts()).toMatchObject({ inputs: 1, worse: 1 })
  })

  it('compares nothing where the present version failed', async () => {
    const shadow = new Shadow({ kind: 'understanding', mind: () => present })
    const failing = mindOf(() => {
      throw new Error('closed')
    })
    await expect(shadow.mind(failing).understand(utterance('open'))).rejects.toThrow('closed')
    await shadow.settled()
    expect(shadow.counts().inputs).toBe(0)
  })

  it('skips what the new version is too slow for, and ends although it hangs', async () => {
    const shadow = new Shadow({ kind: 'understanding', mind: () => mindOf(async () => await never) })
    const mind = shadow.mind(present)
    for (let at = 0; at < 6; at += 1) await mind.understand(utterance('open'))
    expect(shadow.counts()).toEqual({ inputs: 0, worse: 0, better: 0, skipped: 2 })
    await shadow.close()
    expect(shadow.counts().inputs).toBe(0)
  })

  it('keeps no speech that is longer than a command', async () => {
    const shadow = new Shadow({ kind: 'speech', ears: () => ears(() => heard('nothing', '')) })
    const minute = Array.from({ length: 60 }, () => 16_000)
    await shadow.ears(ears(() => heard('heard', 'long'))).listen(audio(minute), listening)
    await shadow.settled()
    expect(shadow.counts()).toEqual({ inputs: 0, worse: 0, better: 0, skipped: 1 })
  })

  it('leaves the other sense alone', () => {
    const ear = ears(() => heard('nothing', ''))
    expect(new Shadow({ kind: 'understanding', mind: () => present }).ears(ear)).toBe(ear)
    expect(new Shadow({ kind: 'speech', ears: () => ear }).mind(present)).toBe(present)
  })
})

describe('the shadow as a step of an installation', () => {
  const facts: BundleFacts = { name: 'intent', kind: 'intent', createdAtMs: 1 }
  const wish = { turns: 30, hours: 2 }
  const bundle = { name: 'intent', envelopeSha256: 'c'.repeat(64), offer: 3 }
  const present = mindOf((text) => text)

  function trialOf(candidate: Mind | null): {
    readonly trial: ShadowTrial
    readonly clock: HandClock
    readonly ended: () => number
    readonly say: (count: number) => Promise<void>
  } {
    const clock = handClock()
    let shadow: Shadow | null = null
    let ended = 0
    const trial = openShadowTrial({
      begin: async () => {
        shadow = candidate === null ? null : new Shadow({ kind: 'understanding', mind: () => candidate })
        return await Promise.resolve(shadow)
      },
      end: async () => {
        ended += 1
        await shadow?.close()
      },
      clock,
    })
    return {
      trial,
      clock,
      ended: () => ended,
      say: async (count) => {
        for (let at = 0; at < count; at += 1) {
          await shadow?.mind(present).understand(utterance('open'))
          await shadow?.settled()
        }
      },
    }
  }

  it('goes on until it has seen the turns that were wished for, and keeps what it saw', async () => {
    const { trial, say } = trialOf(present)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('later')
    await say(29)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('later')
    await say(1)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('enough')
    expect(trial.seen()).toEqual([{ bundle, counts: { inputs: 30, worse: 0, better: 0, skipped: 0 } }])
  })

  it('is over when its hours are, however little was said', async () => {
    const { trial, clock } = trialOf(present)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('later')
    clock.advance(2 * 3_600_000)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('enough')
  })

  it('refuses a version that does much worse', async () => {
    const { trial, say, ended } = trialOf(mindOf(() => OUT_OF_SCOPE))
    await trial.run('/slot', { facts, wish, bundle }, signal)
    await say(19)
    expect(await trial.run('/slot', { facts, wish, bundle }, signal)).toBe('later')
    await say(1)
    const before = ended()
    await expect(trial.run('/slot', { facts, wish, bundle }, signal)).rejects.toMatchObject({
      code: 'shadow_disagrees',
    })
    expect(ended()).toBe(before + 1)
    expect(trial.seen()).toMatchObject([{ counts: { inputs: 20, worse: 20 } }])
  })

  it('begins anew for another bundle in the same slot', async () => {
    const { trial, say } = trialOf(present)
    await trial.run('/slot', { facts, wish, bundle }, signal)
    await say(20)
    const other = { ...bundle, offer: 4 }
    expect(await trial.run('/slot', { facts, wish, bundle: other }, signal)).toBe('later')
    expect(trial.seen()).toMatchObject([{ bundle: other, counts: { inputs: 0 } }])
  })

  it('has nothing to see of steps for the database, nor where no version runs', async () => {
    const schema = { ...facts, kind: 'schema' } as const
    expect(await trialOf(present).trial.run('/slot', { facts: schema, wish, bundle }, signal)).toBe('enough')
    expect(await trialOf(null).trial.run('/slot', { facts, wish, bundle }, signal)).toBe('enough')
  })
})

describe('the shipped models in the shadow of themselves', () => {
  it('agree, on names that were learned since, and nothing runs in the shadow where nothing runs in the light', async () => {
    const models = openModels({ clock: systemClock, signal, speechThreads: 1, voiceModel: () => null })
    const intent = shippedIntentFolder()
    const speech = fileURLToPath(MODEL_FOLDERS.speech)
    const facts: BundleFacts = { name: 'x', kind: null, createdAtMs: 0 }
    try {
      expect(await models.shadow(intent, facts)).toBeNull()
      await models.use(speech)
      await models.use(intent)
      const understanding = await models.shadow(intent, facts)
      await models.mind().understand(utterance('open work order four two seven'))
      await understanding?.settled()
      expect(understanding?.counts()).toEqual({ inputs: 1, worse: 0, better: 0, skipped: 0 })
      const hearing = await models.shadow(speech, facts)
      await models.relearn({ assets: [], parts: [], workOrders: ['427'] })
      await models.ears().listen(wavSource(new Uint8Array(spoken('open'))), listening)
      await hearing?.settled()
      expect(hearing?.counts()).toEqual({ inputs: 1, worse: 0, better: 0, skipped: 0 })
    } finally {
      await models.close()
      rmSync(intent, { recursive: true })
    }
  }, 240_000)
})
