/** A note is heard by dictation, and so is what no sentence fits; a command by its grammar alone. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { ModelRefused } from '../../../edge-agent/speech/errors.ts'
import type { HeardWord } from '../../../edge-agent/speech/hypothesis.ts'
import { openRecogniser, type Recogniser } from '../../../edge-agent/speech/recogniser.ts'
import type { StreamOptions } from '../../../edge-agent/speech/speech-stream.ts'
import { MAX_STREAMS } from '../../../edge-agent/speech/recogniser-thread.ts'
import { openEars } from '../../../edge-agent/turn/ears.ts'
import { withDictated } from '../../../edge-agent/turn/second-hearing.ts'
import type { Ears, Heard } from '../../../edge-agent/turn/ports.ts'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import { systemClock } from '../../../shared/clock.ts'
import { RELEASED_ACOUSTIC } from '../../support/released-traits.ts'
import { spoken } from '../../support/sounds.ts'
import { sentences } from '../speech/sentences.ts'

let recogniser: Recogniser
beforeAll(async () => {
  recogniser = await openRecogniser({ modelDir: fileURLToPath(MODEL_FOLDERS.speech) })
  await recogniser.loadGrammar('work', sentences(['note that *', 'open work order four two seven']))
  await recogniser.loadGrammar('anything', sentences(['*']), {}, { dictation: true })
  await recogniser.loadGrammar('other', sentences(['i would like a cup of coffee']))
}, 60_000)
afterAll(async () => await recogniser.close())

/** Ears whose dictation is `grammar`, or none. */
function earsWith(grammar: (() => Promise<string>) | null): Ears {
  return openEars(recogniser, 'work', {
    clock: systemClock,
    traits: RELEASED_ACOUSTIC,
    voiceModel: () => null,
    dictation: grammar === null ? null : { recogniser, grammar, names: [] },
  })
}

async function hear(
  ears: Ears,
  name: 'note' | 'open' | 'look',
  signal = new AbortController().signal,
): Promise<Heard> {
  return await ears.listen(wavSource(spoken(name)), { onPartial: () => undefined, signal })
}

async function dictated(name: 'note' | 'look' = 'note'): Promise<string> {
  const heard = await openEars(recogniser, 'anything', {
    clock: systemClock,
    traits: RELEASED_ACOUSTIC,
    voiceModel: () => null,
  }).listen(wavSource(spoken(name)), {
    onPartial: () => undefined,
    signal: new AbortController().signal,
  })
  return heard.text
}

describe('a note', () => {
  it('is what dictation heard after the words that begin it', async () => {
    const heard = await hear(
      earsWith(async () => 'anything'),
      'note',
    )
    expect(heard.kind).toBe('heard')
    expect(heard.text.startsWith('note that ')).toBe(true)
    const noted = heard.text.slice('note that '.length)
    expect(noted.split(' ').length).toBeGreaterThan(2)
    expect((await dictated()).endsWith(noted)).toBe(true)
    expect(heard.words?.map(({ word }) => word).join(' ')).toBe(heard.text)
    for (const [at, { startMs, endMs }] of (heard.words ?? []).entries()) {
      expect(endMs).toBeGreaterThan(startMs)
      expect(startMs).toBeGreaterThanOrEqual(heard.words?.[at - 1]?.startMs ?? 0)
    }
  })

  it('stays as the grammar heard it when the recogniser can take on no more', async () => {
    const plain = await hear(earsWith(null), 'note')
    const others = Array.from({ length: MAX_STREAMS - 1 }, () =>
      recogniser.open('work', { sampleRate: 16_000 }),
    )
    try {
      expect(
        (
          await hear(
            earsWith(async () => 'anything'),
            'note',
          )
        ).text,
      ).toBe(plain.text)
    } finally {
      for (const other of others) other.abort()
    }
  })

  it('fails by name when dictation cannot be loaded, and a command does not', async () => {
    const ears = earsWith(async () => {
      throw new ModelRefused('the language model is damaged', { remedy: 'Install the speech model again.' })
    })
    await expect(hear(ears, 'note')).rejects.toThrow(ModelRefused)
    expect((await hear(ears, 'open')).text).toBe('open work order four two seven')
  })

  it('is given up when it is told to, while dictation is still being loaded', async () => {
    const control = new AbortController()
    const ears = earsWith(async () => {
      control.abort()
      return 'anything'
    })
    await expect(hear(ears, 'note', control.signal)).rejects.toThrow()
    // Nothing holds a place: as many streams can be opened as ever.
    const all = Array.from({ length: MAX_STREAMS }, () => recogniser.open('work', { sampleRate: 16_000 }))
    for (const stream of all) stream.abort()
  })
})

it('a command is heard without dictation being asked for', async () => {
  let asked = 0
  const ears = earsWith(async () => {
    asked += 1
    return 'anything'
  })
  expect((await hear(ears, 'open')).text).toBe('open work order four two seven')
  expect(asked).toBe(0)
})

describe('what no sentence of the grammar fits', () => {
  it('is what dictation heard, and never so sure that it is acted on', async () => {
    expect((await hear(earsWith(null), 'look')).kind).toBe('rejected')
    const heard = await hear(
      earsWith(async () => 'anything'),
      'look',
    )
    expect(heard).toMatchObject({ kind: 'heard', text: await dictated('look'), alternatives: [] })
    expect(heard.confidence).toBeGreaterThan(0.4)
    expect(heard.confidence).toBeLessThanOrEqual(0.7)
    expect(heard.words?.map(({ word }) => word).join(' ')).toBe(heard.text)
  })

  it('is turned away where dictation cannot be loaded, or the recogniser can take on no more', async () => {
    const plain = await hear(earsWith(null), 'look')
    const damaged = earsWith(async () => {
      throw new ModelRefused('the language model is damaged', { remedy: 'Install the speech model again.' })
    })
    expect(await hear(damaged, 'look')).toMatchObject({ kind: 'rejected', text: plain.text })
    const others = Array.from({ length: MAX_STREAMS - 1 }, () =>
      recogniser.open('work', { sampleRate: 16_000 }),
    )
    try {
      const heard = await hear(
        earsWith(async () => 'anything'),
        'look',
      )
      expect(heard).toMatchObject({ kind: 'rejected', text: plain.text })
    } finally {
      for (const other of others) other.abort()
    }
  })

  it('fails by name when hearing it again failed for another reason than a missing model', async () => {
    const broken = earsWith(async () => {
      throw new Error('the thread ended')
    })
    await expect(hear(broken, 'look')).rejects.toThrow('the thread ended')
  })

  it('is heard with the names of the site in mind', async () => {
    const asked: StreamOptions[] = []
    const watched: Pick<Recogniser, 'open'> = {
      open: (grammar, options) => {
        asked.push(options)
        return recogniser.open(grammar, options)
      },
    }
    const names = ['north chiller', 'feed water pump']
    const ears = openEars(recogniser, 'work', {
      clock: systemClock,
      traits: RELEASED_ACOUSTIC,
      voiceModel: () => null,
      dictation: { recogniser: watched, grammar: async () => 'anything', names },
    })
    expect((await hear(ears, 'look')).text.endsWith('north chiller')).toBe(true)
    expect(asked.map(({ bias }) => bias?.phrases)).toEqual([names])
  })

  it('is turned away where dictation makes nothing of it either', async () => {
    const silent = earsWith(async () => 'other')
    expect((await hear(silent, 'look')).kind).toBe('rejected')
  })
})

describe('words with what was dictated among them', () => {
  const word = (text: string, startMs: number, endMs: number, open: boolean): HeardWord => ({
    word: text,
    startMs,
    endMs,
    open,
    confidence: 1,
    evidence: [],
  })
  const texts = (words: readonly HeardWord[]): string => words.map(({ word: text }) => text).join(' ')
  const heard = [
    word('note', 0, 300, false),
    word('that', 300, 500, false),
    word('he', 500, 700, true),
    word('is', 700, 900, true),
    word('please', 900, 1_200, false),
  ]

  it('are those between the words that stand', () => {
    const found = withDictated(heard, [
      word('no', 0, 310, true),
      word('debt', 310, 520, true),
      word('it', 520, 640, true),
      word('leaks', 640, 910, true),
      word('peas', 910, 1_200, true),
    ])
    expect(texts(found)).toBe('note that it leaks please')
  })

  it('stay where dictation heard nothing there', () => {
    expect(texts(withDictated(heard, [word('no', 0, 310, true)]))).toBe('note that he is please')
  })

  it('reach to the end, and from the beginning, where nothing else stands there', () => {
    const late = [word('leaks', 3_000, 3_400, true)]
    expect(texts(withDictated(heard.slice(0, 4), late))).toBe('note that leaks')
    expect(texts(withDictated(heard.slice(2, 4), late))).toBe('leaks')
  })

  it('are each run by itself', () => {
    const both = [...heard, word('he', 1_200, 1_500, true)]
    const found = withDictated(both, [word('it', 600, 800, true), word('now', 1_300, 1_450, true)])
    expect(texts(found)).toBe('note that it please now')
  })
})
