/** The operator's screens of a rollout in a real browser, over a real centre: live, halted, refused, cut off, by rights. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAccess, type Role } from '../../control-plane/http/access.ts'
import { launchChromium } from '../support/chromium.ts'
import { campaignStage, HOUR_MS, smallGates, type CampaignStage } from './campaign-stage.ts'
import { expectReadable, faintTexts } from './readable.ts'
import { served, type Served } from './served.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env['STARLING_PICTURES']
const DEVICES = 40

let stage: CampaignStage
let centre: Served
let browser: Browser

beforeAll(async () => {
  stage = await campaignStage(DEVICES)
  stage.fleet.installs = (device, { version }) => {
    if (version !== '1.1.0') return null
    if (device === 'device-3' || device === 'device-8')
      return {
        state: 'parked',
        code: 'smoke_failed',
        message: 'Two golden inputs are outside their tolerance.',
      }
    if (device === 'device-16') return { state: 'installing', message: 'FETCH', code: null }
    return null
  }
  centre = await served(stage.app)
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  await centre.goAway()
  await stage.close()
})

/** At one of the console's pages, as somebody with that role. */
async function opened(hash: string, who = 'olu', role: Role = 'operator'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(`${centre.url}/#${hash}`)
  await page
    .getByLabel('Token')
    .fill(await openAccess(stage.keys.access, stage.clock).issue({ id: who, role }))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('main h2').first().waitFor()
  return page
}
const main = async (page: Page): Promise<string> => (await page.locator('main').textContent()) ?? ''
const shows = async (page: Page, text: RegExp): Promise<void> =>
  await expect.poll(async () => await main(page), { timeout: 15_000 }).toMatch(text)
async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  mkdirSync(PICTURES, { recursive: true })
  for (const [size, width, height] of [
    ['wide', 1280, 900],
    ['narrow', 390, 844],
  ] as const)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme })
      await page.screenshot({
        path: join(PICTURES, `rollouts-${name}-${size}-${colorScheme}.png`),
        fullPage: true,
      })
    }
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
}
describe('the list of rollouts', () => {
  it('waits with a bare outline; without a campaign it names the command that makes the first', async () => {
    const page = await opened('overview')
    let letThrough: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letThrough = resolve
    })
    await page.route('**/api/rollouts', async (route) => {
      await held
      await route.continue()
    })
    await page.getByRole('link', { name: 'Rollouts', exact: true }).click()
    expect(await page.locator('main .skeleton').count()).toBe(1)
    letThrough()
    await shows(page, /starling rollout create spring --bundle speech --bundle-version 1\.2\.0/)
    await expectReadable(page)
    await picture(page, 'none')
    await page.close()
  })
})

describe('a campaign', () => {
  it('that awaits approval shows the command that signs to those who may, and none to its author', async () => {
    await stage.create('spring', '1.1.0')
    const author = await opened('rollouts/spring')
    await shows(author, /You made this campaign, so you cannot approve it/)
    expect(await main(author)).not.toMatch(/rollout approve/)
    const other = await opened('rollouts/spring', 'ada', 'governance')
    await shows(other, /starling rollout approve spring --key YOUR-KEY-FILE/)
    await shows(other, /Who may: .*bea/)
    expect(await other.getByRole('button', { name: /approve/i }).count()).toBe(0)
    await expectReadable(other)
    await picture(other, 'awaits-approval')
    await author.close()
    await other.close()
  })

  it('is shown live: what happens at the centre is on the page without a question', async () => {
    const page = await opened('rollouts/spring')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await stage.approve('spring')
    await shows(page, /Ring canary is open since/)
    await stage.hours('spring', 1)
    await shows(page, /Its gates hold/)
    expect(await page.getByText('Let it pass although').count()).toBe(0)
    const other = await opened('rollouts/spring', 'ada')
    await other.getByText('Let it pass although its gates hold').click()
    await shows(other, /starling rollout promote spring --key YOUR-KEY-FILE --reason/)
    await other.close()
    await stage.hours('spring', 2)
    await shows(page, /Confirmed [1-9]/)
    await shows(page, /Installation.*goes on at/)
    expect(asked.filter((path) => path === '/api/rollouts/spring')).toEqual([])
    expect(await page.locator('#link').textContent()).toBe('Live')
    expect(await page.getByRole('meter').count()).toBeGreaterThan(1)
    expect(await page.getByRole('img', { name: /of the way to HALT/ }).count()).toBeGreaterThan(1)
    await expectReadable(page)
    await picture(page, 'running')
    await page.close()
  })

  it('leads from a ring to its devices: what each runs or installs, and why it is no further', async () => {
    const page = await opened('rollouts/spring')
    await page.getByRole('link', { name: 'canary', exact: true }).click()
    await shows(page, /Devices of ring canary/)
    await shows(page, /runs 1\.1\.0 COMMITTED/)
    await page.getByRole('combobox', { name: 'Ring' }).selectOption('')
    await page.getByRole('searchbox').fill('device-8')
    await page.getByRole('button', { name: 'Find' }).click()
    await shows(page, /1 device/)
    expect(page.url()).toContain('find=device-8')
    await expectReadable(page)
    await picture(page, 'devices')
    await page.close()
  })

  it('keeps a reason that is being typed while the page is drawn anew, and halts with it', async () => {
    const page = await opened('rollouts/spring')
    const reason = page.getByRole('textbox', { name: 'Why spring is halted' })
    await reason.fill('the support line')
    await stage.hours('spring', 1)
    await shows(page, /Ring canary/)
    expect(await reason.inputValue()).toBe('the support line')
    await reason.pressSequentially(' is busy')
    await page.getByRole('button', { name: 'Halt', exact: true }).click()
    await shows(page, /Halted by olu.*the support line is busy/)
    expect(await stage.show('spring')).toMatchObject({ phase: 'halted', runs: 'last_good' })
    const [intent] = (await stage.journal.newest(20)).filter(
      ({ body }) => body.kind === 'intent' && body.action === 'rollout.halt',
    )
    expect(intent?.body).toMatchObject({ principal: { id: 'olu' }, verdict: 'permit' })
    await expectReadable(page)
    await picture(page, 'halted')
    await page.close()
  })

  it('is resumed by the signatures of two, and says by which command they are made', async () => {
    const page = await opened('rollouts/spring')
    await page.getByRole('button', { name: 'Resume…' }).click()
    await expect
      .poll(async () => await page.getByRole('dialog').textContent())
      .toMatch(/two different people have to sign.*starling rollout resume spring --key FILE/)
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Resume it' }).count()).toBe(0)
    await picture(page, 'dialog')
    await expectReadable(page)
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Resume…')
    await stage.resume('spring', 'olu')
    await shows(page, /olu asked to resume it; 1 other person is needed/)
    await page.getByRole('button', { name: 'Resume…' }).click()
    await expect
      .poll(async () => await page.getByRole('dialog').textContent())
      .toMatch(/olu signed already. With the signature of another person it goes on: ring/)
    await page.keyboard.press('Escape')
    const other = await opened('rollouts/spring', 'ada')
    await stage.resume('spring', 'ada')
    await shows(other, /The next ring opens|Ring half is open/)
    await stage.conductor.tick('spring')
    await shows(page, /Ring half is open since/)
    await page.close()
    await other.close()
  })

  it('counts who gave the candidate up among those that failed, not among those that returned', async () => {
    const page = await opened('rollouts/spring')
    await stage.hours('spring', 2)
    const tile = (name: string) =>
      page.locator('.cards .card').filter({ has: page.getByRole('heading', { name }) })
    await expect.poll(async () => await tile('Failed').textContent()).toBe('Failed1gave it up (parked)')
    expect(await tile('Returned').textContent()).toBe('Returned0run 1.0.0 again')
    await picture(page, 'parked')
    await tile('Failed').getByRole('link').click()
    await shows(page, /device-3.*smoke_failed/)
    await page.close()
  })

  it('says what the centre refused and what can be done, where it was asked', async () => {
    const page = await opened('rollouts/spring')
    await page.getByRole('button', { name: 'Pause…' }).click()
    await stage.say('spring', 'pause', 'rae', 'first')
    await page.getByLabel('Why, for the record').fill('second')
    await page.getByRole('button', { name: 'Pause it' }).click()
    await expect
      .poll(async () => await page.getByRole('dialog').getByRole('alert').textContent())
      .toMatch(/The campaign spring \(paused\) refuses: it does not run\. See its state/)
    await picture(page, 'refused')
    await page.close()
    await stage.say('spring', 'resume')
  })

  it('that is not there is said so, with a way back', async () => {
    const page = await opened('overview')
    await page.goto(`${centre.url}/#rollouts/nobody`)
    await expect
      .poll(async () => await page.locator('main').getByRole('alert').textContent())
      .toMatch(/There is no campaign nobody/)
    await page.getByRole('link', { name: 'Back' }).click()
    await shows(page, /Under way/)
    await page.close()
  })
})

describe('a centre with two hundred campaigns', () => {
  it('lists them all, and finds one by its name', async () => {
    await stage.db.query(
      `insert into rollout.campaign (id, bundle, plan, author, record_id, created_at, opened_ms, phase, over, checkpoint_hash, summary)
       select 'old-' || n, bundle, plan, author, record_id, created_at - n * interval '1 day', opened_ms, 'superseded', true, '', summary
       from rollout.campaign, generate_series(1, 199) n where id = 'spring'`,
    )
    const page = await opened('rollouts')
    await shows(page, /old-199/)
    expect(await page.locator('main tbody tr').count()).toBe(200)
    await page.getByRole('searchbox').fill('old-17')
    await expect.poll(async () => await page.locator('main tbody tr').count()).toBe(11)
    await page.close()
    await stage.db.query(`delete from rollout.campaign where id like 'old-%'`)
  })
})

describe('a connection that is lost', () => {
  it('greys the page with the time of its last news; a halt that nobody heard is said to be none; it goes on by itself', async () => {
    const page = await opened('rollouts/spring')
    await shows(page, /Ring canary/)
    await centre.goAway()
    await expect
      .poll(async () => await page.locator('#notice').textContent())
      .toMatch(/does not answer\. What you see is of \d/)
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.part-rings')).filter`)).toBe(
      'grayscale(1)',
    )
    await page.getByRole('textbox', { name: 'Why spring is halted' }).fill('fire')
    await page.getByRole('button', { name: 'Halt', exact: true }).click()
    await expect
      .poll(async () => await page.locator('.action-bar').getByRole('alert').textContent())
      .toMatch(/does not answer: it is not halted from here.*starling rollout halt spring/)
    await picture(page, 'stale')
    await expectReadable(page)
    await centre.comeBack()
    await expect.poll(async () => await page.locator('#link').textContent(), { timeout: 30_000 }).toBe('Live')
    expect(await page.locator('#notice').isHidden()).toBe(true)
    expect(await stage.show('spring')).toMatchObject({ phase: 'running' })
    await page.close()
  })

  it('asks for a sign-in when the token is worth nothing any more', async () => {
    const page = await opened('rollouts')
    await shows(page, /spring/)
    await page.context().clearCookies()
    await page.getByLabel('Token').waitFor({ timeout: 15_000 })
    expect(await page.locator('main').isHidden()).toBe(true)
    await page.close()
  })
})

describe('rights', () => {
  it('a viewer sees no action, and everything else', async () => {
    const page = await opened('rollouts/spring', 'wall', 'viewer')
    await shows(page, /Ring half is open/)
    await shows(page, /Installation/)
    expect(await page.locator('.action-bar').isHidden()).toBe(true)
    expect(await page.getByRole('button', { name: /Halt|Pause|Resume|Cancel/ }).count()).toBe(0)
    await expectReadable(page)
    await page.close()
  })

  it('a reviewer may stop it, and neither resume nor cancel it', async () => {
    const page = await opened('rollouts/spring', 'rae', 'governance')
    await page.getByRole('button', { name: 'Pause…' }).waitFor()
    expect(await page.getByRole('button', { name: 'Halt', exact: true }).count()).toBe(1)
    expect(await page.getByRole('button', { name: /Resume|Cancel/ }).count()).toBe(0)
    await page.close()
  })
})

describe('the whole console', () => {
  it('is looked at by a measure that finds a text which is too faint', async () => {
    const page = await opened('overview')
    await page.evaluate(`document.querySelector('main h2').style.color = '#999'`)
    expect(await faintTexts(page)).toEqual([expect.stringMatching(/^2\.\d\d: Overview$/)])
    await page.close()
  })

  it('is readable on each of its pages, light, dark and narrow', async () => {
    const page = await opened('overview')
    for (const [hash, text] of [
      ['overview', /Rollouts.*under way/],
      ['rollouts', /Under way.*spring/],
      ['registry', /speech/],
      ['registry/speech', /Moves of its names/],
      ['registry/speech/1.1.0', /Who vouches for it.*holds/],
      ['devices', /device-0/],
      ['records', /No device has sent a record yet/],
      ['inbox', /Nothing waits for a person/],
      ['conflicts', /All changes agree/],
      ['quarantine', /No message was refused/],
    ] as const) {
      await page.goto(`${centre.url}/#${hash}`)
      await shows(page, text)
      await expectReadable(page)
      await picture(page, hash.replaceAll('/', '-'))
    }
    await page.close()
  })

  it('shows a release with its signatures, its lineage and its figures against what ran before', async () => {
    const page = await opened('registry/speech/1.1.0')
    await shows(page, /Data.*bytes of a test.*consent not needed.*Recipe.*follows 1\.0\.0.*Judged on/)
    await shows(page, /Incumbent 1\.0\.0.*accuracy/)
    expect(await page.getByRole('img', { name: /accuracy: 0.8 against 0.8/ }).count()).toBe(1)
    await page.getByText('Registry').first().click()
    await shows(page, /1\.0\.0.*since/)
    await page.close()
  })

  it('loads nothing from elsewhere, and runs under its content policy without a complaint', async () => {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(centre.url)) complaints.push(request.url())
    })
    await page.goto(`${centre.url}/#rollouts/spring`)
    await page.getByLabel('Token').fill(await stage.token())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await shows(page, /Installation/)
    expect(complaints).toEqual([])
    await page.close()
  })
})

describe('gates that halt', () => {
  it('stand first with their evidence, in plain words, wherever the campaign is named', async () => {
    await stage.say('spring', 'cancel')
    stage.fleet.fares = (version) => (version === '1.2.0' ? { crashes: 1 } : {})
    await stage.hours('spring', 1)
    const ring = { dwellMs: 4 * HOUR_MS, gates: smallGates() }
    await stage.create('autumn', '1.2.0', {
      rings: [
        { name: 'canary', share: 0.6, ...ring },
        { name: 'all', share: 1, ...ring },
      ],
    })
    await stage.approve('autumn')
    for (let at = 0; at < 8 && (await stage.show('autumn'))['phase'] === 'running'; at += 1)
      await stage.hours('autumn', 1)
    const page = await opened('rollouts/autumn')
    await shows(page, /Halted by its gates.*there is enough evidence of harm \(crashes and silence\)/)
    const first = page.locator('.gate').first()
    expect(await first.getAttribute('data-decision')).toBe('HALT')
    await expect.poll(async () => await first.textContent()).toMatch(/Crashes and silence.*Plausible is/)
    await first.getByText('In the words of the gate').click()
    await expect.poll(async () => await first.textContent()).toMatch(/crash says HALT/)
    await expectReadable(page)
    await picture(page, 'gates-halted')
    await page.goto(`${centre.url}/#rollouts`)
    await shows(page, /autumn.*by its gatesevidence of harm: crashes and silence/)
    await picture(page, 'list')
    await page.close()
    await stage.say('autumn', 'cancel')
  })
})
