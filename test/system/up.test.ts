/** The whole of Starling as a user runs it: the real binary, real servers, real models, a real browser. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TurnResult } from '../../edge-agent/turn/result.ts'
import { launchChromium } from '../support/chromium.ts'
import { dataFolder } from '../support/data-folder.ts'
import { noise, samplesOf, silence, spoken, wav } from '../support/sounds.ts'
import { startUp, starling, type Ran, type Up } from '../support/starling.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let up: Up
beforeAll(async () => {
  folder = await dataFolder('system')
  up = await startUp(join(folder.path, 'home'))
})
afterAll(async () => {
  await up.stop()
  await folder.remove()
})

const home = (): string[] => ['--data', join(folder.path, 'home')]
function soundFile(name: string, bytes: Uint8Array): string {
  const path = join(folder.path, name)
  writeFileSync(path, bytes)
  return path
}
async function turn(name: string, bytes: Uint8Array): Promise<TurnResult> {
  const ran = await starling(['turn', '--json', ...home(), soundFile(name, bytes)])
  return JSON.parse(ran.out) as TurnResult
}
const errorOf = (ran: Ran): { code: string; remedy: string } =>
  (JSON.parse(ran.out) as { error: { code: string; remedy: string } }).error

describe('the command line', () => {
  it('takes a spoken sentence to a governed action, and names everything that led there', async () => {
    const result = await turn('open.wav', spoken('open'))
    expect(result.transcript).toMatchObject({ kind: 'heard', text: 'open work order four two seven' })
    expect(result.understood).toMatchObject({ intent: 'work_order.open', slots: { work_order: '427' } })
    expect(result.outcome.kind).toBe('done')
    const actions = result.effects.map(({ action }) => action)
    expect(actions).toEqual([
      'model.transcribe',
      'memory.read',
      'context.pack',
      'model.understand',
      'work_order.open',
    ])
    for (const { provenance } of result.effects) {
      expect(provenance.recordId).toMatch(/^[0-9a-f-]{36}$/)
      expect(provenance.policyVersion).toBe(1)
      expect(provenance.rule.length).toBeGreaterThan(3)
    }
    const [heard, , , meant] = result.effects
    for (const effect of [heard, meant]) expect(effect?.provenance.route.digest).toMatch(/^[0-9a-f]{64}$/)
    const shown = await starling([
      'audit',
      'show',
      '--json',
      ...home(),
      result.effects.at(-1)?.provenance.recordId ?? '',
    ])
    expect(JSON.parse(shown.out)).toMatchObject({
      record: { body: { kind: 'intent', verdict: 'permit' } },
      input: { work_order: '427' },
    })
  })

  it('takes one change back by its id, and lists what is in conflict', async () => {
    const listed = await starling(['audit', 'list', '--json', '--limit', '50', ...home()])
    const { records } = JSON.parse(listed.out) as { records: { id: string; kind: string; summary: string }[] }
    const wrote = records.find(({ kind, summary }) => kind === 'write' && /status/.test(summary))
    const taken = await starling(['context', 'undo', '--json', ...home(), wrote?.id ?? ''])
    expect([taken.code, JSON.parse(taken.out)]).toMatchObject([0, { id: wrote?.id }])
    const again = await starling(['context', 'undo', '--json', ...home(), wrote?.id ?? ''])
    expect([again.code, errorOf(again).code]).toEqual([1, 'not_undoable'])
    await expect
      .poll(
        async () => {
          const { out } = await starling(['context', 'conflicts', '--json', ...home()])
          return JSON.parse(out) as unknown
        },
        { timeout: 40_000 },
      )
      .toMatchObject({ conflicts: [], rejected: [], pending: [], syncedAt: expect.any(String) as string })
    const none = await starling([
      'context',
      'conflicts',
      'resolve',
      'none',
      '--take',
      'ours',
      '--json',
      ...home(),
    ])
    expect([none.code, errorOf(none).code]).toEqual([1, 'no_such_conflict'])
    expect((await starling(['context', 'conflicts', 'resolve', 'none', ...home()])).code).toBe(2)
    const gone = await starling(['context', 'conflicts', 'discard', 'none', '--json', ...home()])
    expect([gone.code, errorOf(gone).code]).toEqual([1, 'not_quarantined'])
  })

  it('makes an inbox item of what it is not sure of', async () => {
    expect((await turn('unclear.wav', spoken('unclear'))).outcome).toMatchObject({ kind: 'inbox' })
  })

  it('reads free words back, and keeps them after a yes', async () => {
    const asked = await turn('note.wav', spoken('note'))
    expect(asked.outcome).toMatchObject({
      kind: 'question',
      say: expect.stringContaining('the coupling is worn') as string,
    })
    const answered = await turn('yes.wav', spoken('yes'))
    expect(answered.outcome).toMatchObject({
      kind: 'done',
      say: expect.stringContaining('the coupling is worn') as string,
    })
  })

  it('hears the same at 8 kHz, in stereo and at 48 kHz', async () => {
    const samples = samplesOf(spoken('look'))
    const stereo = new Float32Array(samples.length * 2).map((_, at) => samples[at >> 1] ?? 0)
    const upsampled = new Float32Array(samples.length * 3).map((_, at) => {
      const [from, part] = [Math.floor(at / 3), (at % 3) / 3]
      return (samples[from] ?? 0) * (1 - part) + (samples[from + 1] ?? 0) * part
    })
    const halved = new Float32Array(samples.length >> 1).map(
      (_, at) => ((samples[at * 2] ?? 0) + (samples[at * 2 + 1] ?? 0)) / 2,
    )
    const forms = [
      wav(stereo, { channels: 2 }),
      wav(upsampled, { rate: 48_000 }),
      wav(halved, { rate: 8_000 }),
    ]
    for (const [at, form] of forms.entries())
      expect((await turn(`form-${at}.wav`, form)).transcript.text).toBe(
        'what is the status of the north chiller',
      )
  })

  /** The device itself goes on syncing beside: its own records are not meant. */
  async function effectsOfPeople(): Promise<readonly string[]> {
    const { out } = await starling(['audit', 'list', '--json', '--limit', '500', ...home()])
    const { records } = JSON.parse(out) as { records: { kind: string; summary: string }[] }
    return records
      .filter(({ kind, summary }) => kind === 'intent' && !/context\.(?:apply|index)|bundle\./.test(summary))
      .map(({ summary }) => summary)
  }

  it('says of each bad recording what is wrong, and does nothing', async () => {
    const before = await effectsOfPeople()
    const long = Buffer.concat([wav(silence(0.1)).subarray(0, 44), Buffer.alloc(0)])
    long.writeUInt32LE(2 * 3_600 * 32_000, 40)
    const bad: [string, Uint8Array][] = [
      ['not-a-wav.wav', Buffer.from('ID3 this is an mp3, they said')],
      ['empty.wav', Buffer.alloc(0)],
      ['header-only.wav', wav(silence(1)).subarray(0, 30)],
      ['slow.wav', wav(silence(1), { rate: 4_000 })],
      ['eleven-minutes.wav', wav(silence(11 * 60, 8_000), { rate: 8_000 })],
    ]
    for (const [name, bytes] of bad) {
      const ran = await starling(['turn', '--json', ...home(), soundFile(name, bytes)])
      expect([name, ran.code]).toEqual([name, 1])
      expect(errorOf(ran).remedy.length).toBeGreaterThan(5)
    }
    expect(await effectsOfPeople()).toEqual(before)
  })

  it('hears nothing in silence, noise and an empty room, and acts on none of them', async () => {
    for (const [name, samples] of [
      ['silence.wav', silence(2)],
      ['hiss.wav', noise(3, 0.02)],
      ['loud.wav', noise(3, 0.9)],
    ] as const) {
      const { outcome } = await turn(name, wav(samples))
      expect([name, outcome.kind]).toEqual([name, expect.stringMatching(/^(?:nothing|inbox)$/)])
    }
  })

  it('hears clipped speech, and says that it is clipped', async () => {
    const loud = samplesOf(spoken('look')).map((sample) => Math.max(-1, Math.min(1, sample * 30)))
    const { transcript } = await turn('clipped.wav', wav(loud))
    expect(transcript.warnings.join(' ')).toMatch(/clip|distort/i)
  })

  it('understands text, transcribes several files, and refuses wrong words with exit code 2', async () => {
    const meant = await starling(['understand', '--json', ...home(), 'Please close work order 428.'])
    expect(JSON.parse(meant.out)).toMatchObject({ intent: 'work_order.close', slots: { work_order: '428' } })
    const files = [soundFile('a.wav', spoken('log')), soundFile('b.wav', spoken('note'))]
    const heard = await starling(['transcribe', '--json', ...home(), ...files])
    const texts = heard.out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text)
    expect(texts).toEqual(['log a reading of four point two bar', 'note that the coupling is worn'])
    expect((await starling(['transcribe', '--json', ...home(), join(folder.path, 'none.wav')])).code).toBe(1)
    expect((await starling(['turn'])).code).toBe(2)
    expect((await starling(['make-coffee'])).code).toBe(2)
    expect((await starling(['up', '--port', '99999'])).code).toBe(2)
    expect((await starling(['--help'])).code).toBe(0)
  })

  it('searches and asks the graph of what it synced, and keeps back what the technician may not read', async () => {
    const asked = async (...words: readonly string[]) => {
      const ran = await starling(['context', ...words, '--json', ...home()])
      return {
        code: ran.code,
        answer: JSON.parse(ran.out) as Record<string, { key?: string; node?: string }[]>,
      }
    }
    const { answer } = await asked('search', 'tightening the foundation bolts', '--limit', '3')
    expect(answer['found']?.[0]?.key).toBe('document-torque-bulletin')
    expect(answer['staleness']).toMatchObject({ stalenessMs: expect.any(Number) as number })
    const june = await asked('search', 'tightening the foundation bolts', '--as-of', '2026-06-01')
    expect(june.answer['found']?.[0]?.key).toBe('document-torque-bulletin-first')
    const secret = await asked('search', 'technician scalded at the gauge glass')
    expect(secret.answer['found']?.map(({ key }) => key)).not.toContain('document-incident-report')
    const graph = await asked('query', 'process-steam', '--hops', '2')
    expect(graph.answer['nodes']?.map(({ node }) => node)).toContain('asset-p101')
    expect((await asked('query', 'node', '--where', 'colour=red')).code).toBe(1)
    expect((await starling(['context', 'query', 'node', '--where', 'nothing', ...home()])).code).toBe(1)
    expect((await starling(['context', 'search', ...home()])).code).toBe(2)
  })

  it('refuses a second start on the same folder, naming the holder', async () => {
    const ran = await starling(['up', '--json', ...home()])
    expect(ran.code).toBe(3)
    expect(errorOf(ran)).toMatchObject({
      code: 'folder_locked',
      message: expect.stringContaining(String(up.process.pid)) as string,
    })
    expect((await starling(['reset', '--yes', '--json', ...home()])).code).toBe(1)
  })

  it('verifies its journal, and the centre verifies its copy', async () => {
    const own = await starling(['audit', 'verify', '--json', ...home()])
    expect(own.code).toBe(0)
    expect(JSON.parse(own.out)).toMatchObject({ holds: true })
    const authorization = `Bearer ${readFileSync(up.operatorToken, 'utf8')}`
    await expect
      .poll(
        async () => {
          const answer = await fetch(new URL('/api/verification/device-1', up.centre), {
            headers: { authorization },
          })
          return (await answer.json()) as { holds: boolean; records: number }
        },
        { timeout: 20_000 },
      )
      .toMatchObject({ holds: true, records: expect.any(Number) as number })
    expect((await fetch(new URL('/api/devices', up.centre))).status).toBe(401)
  })
})

describe('the pages', () => {
  let browser: Browser
  beforeAll(async () => {
    const microphone = soundFile('microphone.wav', Buffer.concat([spoken('look')]))
    browser = await launchChromium([
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${microphone}%noloop`,
    ])
  })
  afterAll(async () => await browser.close())

  it('take a sentence from the microphone while the button is held', async () => {
    const page = await browser.newPage()
    await page.goto(up.technician)
    const hold = page.getByRole('button', { name: 'Hold to talk' })
    await expect.poll(async () => await hold.isEnabled(), { timeout: 20_000 }).toBe(true)
    const box = await hold.boundingBox()
    if (box === null) throw new Error('the button is not there')
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await page.mouse.down()
    await expect
      .poll(async () => await page.locator('#partial').textContent(), { timeout: 20_000 })
      .toMatch(/north chiller/)
    await page.mouse.up()
    await expect
      .poll(async () => await page.locator('.turn .say').last().textContent(), { timeout: 20_000 })
      .toMatch(/north chiller, CH-1/)
    expect(await page.locator('.turn .mark').last().textContent()).toBe('Done')
    await page.close()
  })

  it('take a WAV file, and show an error where it can be read', async () => {
    const page = await browser.newPage()
    await page.goto(up.technician)
    await page.setInputFiles('#file', soundFile('log.wav', spoken('log')))
    await expect
      .poll(async () => await page.locator('.turn .say').last().textContent(), { timeout: 20_000 })
      .toMatch(/^Logged: pressure 4.2 bar/)
    await page.setInputFiles('#file', soundFile('bad.wav', Buffer.from('nothing of the kind')))
    await expect
      .poll(async () => await page.getByRole('alert').textContent(), { timeout: 20_000 })
      .toMatch(/WAV/)
    await page.close()
  })

  it('find what the device knows, and say when there is nothing and when nobody answers', async () => {
    const page = await browser.newPage()
    await page.goto(up.technician)
    const search = async (words: string): Promise<string> => {
      await page.getByRole('searchbox').fill(words)
      await page.getByRole('button', { name: 'Search' }).click()
      await expect
        .poll(async () => await page.locator('#search').getAttribute('data-state'))
        .not.toBe('loading')
      return (await page.locator('#search .body').textContent()) ?? ''
    }
    await expect
      .poll(async () => await search('white crust on the tubes'), { timeout: 20_000 })
      .toMatch(/Scale/)
    expect(await search('zzzzqqq')).toMatch(/Nothing about/)
    await page.route('**/v1/context/search', async (route) => await route.abort())
    expect(await search('seal')).toMatch(/does not answer/)
    await page.close()
  })

  it('show the centre to who signs in, and to nobody else', async () => {
    const page = await browser.newPage()
    await page.goto(up.centre)
    await page.getByLabel('Token').fill('not the token')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect
      .poll(async () => await page.getByRole('alert').textContent())
      .toMatch(/not a token of this centre/)
    await page.getByLabel('Token').fill(readFileSync(up.operatorToken, 'utf8'))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect
      .poll(async () => await page.locator('main h2').first().textContent(), { timeout: 20_000 })
      .toBe('Overview')
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Devices' }).click()
    await page.getByRole('button', { name: 'verify' }).click()
    await expect
      .poll(async () => await page.locator('main td [role=status]').textContent(), { timeout: 20_000 })
      .toMatch(/records and \d+ seals hold/)
    await page.close()
  })
})

describe('stopping and starting again', () => {
  it('stops in order, goes on where it stood, works with the centre away', async () => {
    const before = await starling(['audit', 'list', '--json', '--limit', '1', ...home()])
    expect(await up.stop()).toBe(0)
    const audit = await starling(['audit', 'verify', '--json', ...home()])
    expect(audit.code).toBe(0)
    // No agent runs: the command starts one for itself, without a centre.
    const alone = await turn('alone.wav', spoken('log'))
    expect(alone.outcome.kind).toBe('done')
    up = await startUp(join(folder.path, 'home'))
    const after = await starling(['audit', 'list', '--json', '--limit', '1', ...home()])
    const seq = (ran: Ran): number =>
      (JSON.parse(ran.out) as { records: { seq: number }[] }).records[0]?.seq ?? -1
    expect(seq(after)).toBeGreaterThan(seq(before))
  })
})
