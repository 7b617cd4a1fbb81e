/** The console's first page, in a real browser, as the policy of a real centre nears its end. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openAccess } from '../../control-plane/http/access.ts'
import { apiStage, type ApiStage } from '../control-plane/api-stage.ts'
import { launchChromium } from '../support/chromium.ts'
import { expectReadable } from './readable.ts'
import { served, type Served } from './served.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env['STARLING_PICTURES']
const DAY_MS = 86_400_000

let stage: ApiStage
let centre: Served
let browser: Browser
beforeAll(async () => {
  stage = await apiStage()
  centre = await served(stage.app)
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  await centre.goAway()
  await stage.close()
})

async function opened(): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(`${centre.url}/#overview`)
  const access = openAccess(stage.keys.access, stage.clock)
  await page.getByLabel('Token').fill(await access.issue({ id: 'olu', role: 'operator' }))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('main h2').first().waitFor()
  return page
}

it('names it weeks before, with what to do, and that it is past', async () => {
  const { document } = stage.rollout.policy()
  const leftMs = (): number => Date.parse(document.expiresAt) - stage.clock.nowMs()
  for (const [daysLeft, text] of [
    [100, null],
    [6.5, /The policy 1 expires in 6 days.*change version to 2.*starling policy publish/],
    [-1, /The policy 1 expired at .*only its strict rules/],
  ] as const) {
    stage.clock.advance(leftMs() - daysLeft * DAY_MS)
    const page = await opened()
    const alert = page.locator('main').getByRole('alert')
    if (text === null) expect(await alert.count()).toBe(0)
    else expect(await alert.textContent()).toMatch(text)
    await expectReadable(page)
    if (PICTURES !== undefined) {
      mkdirSync(PICTURES, { recursive: true })
      await page.screenshot({ path: join(PICTURES, `policy-${daysLeft}.png`), fullPage: true })
    }
    await page.close()
  }
})
