import { describe, expect, it } from 'vitest'
import { MAX_UTTERANCE_S, openTalk, type TalkMessage } from '../../../edge-agent/local-api/talk.ts'
import type { AudioSource } from '../../../edge-agent/turn/ports.ts'
import type { TurnResult } from '../../../edge-agent/turn/result.ts'

/** Takes the whole of what is said and answers with how many samples there were. */
async function countSamples(audio: AudioSource, onPartial: (text: string) => void): Promise<TurnResult> {
  let samples = 0
  for await (const block of audio.blocks) {
    samples += block.length
    onPartial(`${samples}`)
  }
  return { samples } as unknown as TurnResult
}

function converse(): { talk: ReturnType<typeof openTalk>; last: Promise<TalkMessage>; sent: TalkMessage[] } {
  const sent: TalkMessage[] = []
  let settle: (message: TalkMessage) => void = () => undefined
  const last = new Promise<TalkMessage>((resolve) => {
    settle = resolve
  })
  const talk = openTalk(countSamples, (message) => {
    sent.push(message)
    if (message.kind !== 'partial') settle(message)
  })
  return { talk, last, sent }
}
const open = (sampleRateHz: number): string => JSON.stringify({ kind: 'open', sampleRateHz })

describe('the talk socket', () => {
  it('hands every sample on, in order, and gives back the result', async () => {
    const { talk, last, sent } = converse()
    talk.receive(open(16_000))
    for (let block = 0; block < 5; block++) talk.receive(new Uint8Array(3200))
    talk.receive('{"kind":"finish"}')
    expect(await last).toMatchObject({ kind: 'result', result: { samples: 8000 } })
    expect(sent.filter(({ kind }) => kind === 'partial').length).toBe(5)
  })

  const refused: readonly [string, readonly unknown[]][] = [
    ['sound before the open', [new Uint8Array(2)]],
    ['a finish before the open', ['{"kind":"finish"}']],
    ['a second open', [open(16_000), open(16_000)]],
    ['text that is not JSON', ['{']],
    ['a rate that no microphone has', [open(1)]],
    ['unknown fields', ['{"kind":"finish","now":true}']],
    ['half a sample', [open(16_000), new Uint8Array(3)]],
    ['a message of another type', [open(16_000), 7]],
    ['a minute too much', [open(8_000), new Uint8Array(MAX_UTTERANCE_S * 16_000 + 2)]],
  ]
  for (const [what, messages] of refused) {
    it(`refuses ${what}, with a remedy`, async () => {
      const { talk, last } = converse()
      for (const message of messages) talk.receive(message)
      const error = await last
      expect(error).toMatchObject({ kind: 'error', error: { code: 'talk_broken' } })
    })
  }

  it('says nothing to a page that has gone', async () => {
    const { talk, sent } = converse()
    talk.receive(open(16_000))
    talk.abandon()
    await Promise.resolve()
    expect(sent).toEqual([])
  })
})
