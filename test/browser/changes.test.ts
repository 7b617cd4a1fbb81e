/** The device's page and the centre's console on changes that are not through, in a real browser. */
import { serve, type ServerType } from '@hono/node-server'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Hono } from 'hono'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { removeRow } from '../../control-plane/context/store.ts'
import { fieldAction } from '../../edge-agent/actions/field-actions.ts'
import { openWriteDesk } from '../../edge-agent/context/write-desk.ts'
import { localApi, type LocalApiParts } from '../../edge-agent/local-api/routes.ts'
import type { AgentStatus } from '../../edge-agent/local-api/status.ts'
import { recall } from '../../edge-agent/memory/turn-memory.ts'
import type { JsonObject } from '../../shared/json.ts'
import { apiStage, type ApiStage } from '../control-plane/api-stage.ts'
import { NOTE, noted } from '../simulation/writes/pair.ts'
import {
  fillCentre,
  putCentre,
  simulatedDevice,
  tenant,
  type SimulatedDevice,
} from '../simulation/writes/stage.ts'
import { launchChromium } from '../support/chromium.ts'
import { technicianAsks } from '../support/governed.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env['STARLING_PICTURES']

let centre: ApiStage
let van: SimulatedDevice
let other: SimulatedDevice
let browser: Browser
const link: { now: AgentStatus['link'] } = { now: 'up' }
const servers: ServerType[] = []
let deviceUrl: string
let centreUrl: string

beforeAll(async () => {
  centre = await apiStage()
  await fillCentre(centre.db)
  ;[van, other] = await Promise.all([simulatedDevice('van-1'), simulatedDevice('van-2')])
  for (const device of [van, other]) await device.pull(centre.db)
  deviceUrl = await served(localApi(apiParts(van)))
  centreUrl = await served(centre.app)
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  for (const server of servers) server.close()
  for (const { at } of [van, other]) await at.close()
  await centre.close()
})

async function served(app: Hono): Promise<string> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function apiParts({ at, writes }: SimulatedDevice): LocalApiParts {
  const never = async (): Promise<never> => await Promise.reject(new Error('not asked for here'))
  return {
    takeTurn: never,
    readAudio: () => {
      throw new Error('not asked for here')
    },
    transcribe: never,
    understand: never,
    recentTurns: async () => await Promise.resolve([]),
    records: { list: never, show: never, verify: never },
    speech: { consent: never, agree: never, recordings: never, damaged: never, forget: never },
    writes: openWriteDesk({
      sql: at.db,
      kernel: at.kernel,
      writes,
      person: { kind: 'person', id: 'amara', roles: ['technician'] },
      staleness: () => ({ syncedAt: '2026-06-01T08:00:00.000Z', stalenessMs: 60_000 }),
    }),
    status: async () => await Promise.resolve(status()),
    context: {
      staleness: () => ({ syncedAt: null, stalenessMs: null }),
      status: never,
      resync: never,
      verify: never,
    },
    questions: { search: never, query: never },
    metrics: async () => await Promise.resolve(''),
    pageDir: new URL('../../edge-agent/page/', import.meta.url),
  }
}

function status(): AgentStatus {
  return {
    device: 'van-1',
    site: 'north',
    environment: 'development',
    link: link.now,
    outbox: { pending: 0, receipted: 12, lastError: null },
    policy: { version: 1, strict: false, expiresAt: '2026-12-01T00:00:00.000Z', notice: null },
    clock: { aheadMs: 0, problem: null },
    bundles: { problem: null },
    models: [],
    installs: [],
    database: { recovery: null, snapshotAt: null, snapshotBytes: 0, journalFileProblem: null },
    contextSyncedAt: '2026-06-01T08:00:00.000Z',
    writes: { pending: 0, conflicts: 0, rejected: 0 },
    guide: null,
    workOrders: [],
  }
}

/** By its technician, through the kernel. */
async function does(
  device: SimulatedDevice,
  person: string,
  intent: string,
  slots: JsonObject,
): Promise<void> {
  const { at, writes } = device
  const action = fieldAction({ clock: at.clock, person, writes }, intent, slots, await recall(at.db))
  if (action === null) throw new Error(`there is no ${intent}`)
  const principal = { kind: 'person' as const, id: person, roles: ['technician'] }
  const answer = await at.kernel.admit(
    action.performer,
    technicianAsks(intent, slots, { resource: action.resource, principal }),
  )
  expect(answer.kind).toBe('performed')
}

async function inConflict(): Promise<void> {
  await does(other, 'ben', 'work_order.close', { work_order: '427' })
  van.at.clock.advance(60_000)
  await does(van, 'amara', 'work_order.open', { work_order: '427' })
  await centre.take(other.at)
  await centre.take(van.at)
  await van.pull(centre.db)
}

async function rejectedNote(): Promise<void> {
  const { key } = await noted(van)
  await van.write('note', key, { text: 'it drips a lot' })
  await putCentre(centre.db, 'note', key, NOTE)
  await centre.take(van.at)
  await centre.db.transaction(async (tx) => await removeRow(tx, { tenant, table: 'note', key }))
  await van.pull(centre.db)
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

const section = async (page: Page): Promise<string> =>
  (await page.locator('#changes .body').textContent()) ?? ''

describe('the device’s page', () => {
  it('waits with a bare outline, then says that nothing is open', async () => {
    const page = await browser.newPage()
    let letThrough: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letThrough = resolve
    })
    await page.route('**/v1/writes', async (route) => {
      await held
      await route.continue()
    })
    await page.goto(deviceUrl)
    await page.locator('#orders .body:not(.skeleton)').waitFor()
    expect(await page.locator('#changes .body.skeleton').count()).toBe(1)
    await picture(page, 'device-loading')
    letThrough()
    await expect.poll(async () => await section(page)).toMatch(/Every change made here is at the centre/)
    await picture(page, 'device-empty')
    await page.close()
  })

  it('says when it cannot show them, and goes on by itself', async () => {
    const page = await browser.newPage()
    let isBroken = true
    await page.route('**/v1/writes', async (route) => {
      if (isBroken)
        await route.fulfill({
          status: 422,
          json: { code: 'disk_full', message: 'The disk is full', remedy: 'Make room.' },
        })
      else await route.continue()
    })
    await page.goto(deviceUrl)
    await expect
      .poll(async () => await page.locator('#changes [role=alert]').textContent())
      .toBe('The disk is full. Make room.')
    await picture(page, 'device-error')
    isBroken = false
    await expect.poll(async () => await section(page), { timeout: 30_000 }).toMatch(/Every change made here/)
    await page.close()
  })

  it('shows both versions, those not taken, those on their way; offline a decision is kept', async () => {
    await inConflict()
    await rejectedNote()
    await does(van, 'amara', 'note.record', { text: 'bearing is warm' })
    link.now = 'down'
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
    await page.goto(deviceUrl)
    await expect.poll(async () => await section(page)).toMatch(/Which one counts/)
    const text = await section(page)
    expect(text).toMatch(/Work order 427, Replace the seal: status/)
    expect(text).toMatch(/Was set asidein progressamara on van-1/)
    expect(text).toMatch(/Stands nowclosedben on van-2/)
    expect(text).toMatch(/it drips a lot/)
    expect(text).toMatch(/Kept here until there is a link.*bearing is warm/)
    expect(text).toMatch(/A decision is kept and goes up with the link/)
    await picture(page, 'device-offline')
    await page.setViewportSize({ width: 390, height: 844 })
    await picture(page, 'device-narrow')
    await page.getByRole('button', { name: 'Take this' }).first().click()
    await expect.poll(async () => await section(page)).toMatch(/Chosen; the centre has not heard of it yet/)
    await page.getByRole('button', { name: 'Let it go' }).first().click()
    await expect.poll(async () => await section(page)).not.toMatch(/Not taken by the centre/)
    await page.getByRole('button', { name: 'Take back' }).first().click()
    await expect.poll(async () => await section(page)).toMatch(/bearing is warm taken back/)
    await picture(page, 'device-decided')
    await page.close()
  })

  it('is told when the centre has heard of it', async () => {
    link.now = 'up'
    await centre.take(van.at)
    await van.pull(centre.db)
    const page = await browser.newPage()
    await page.goto(deviceUrl)
    await expect.poll(async () => await section(page)).toMatch(/Every change made here is at the centre/)
    expect(await van.seen('work_order', 'wo-1')).toMatchObject({
      body: { status: 'in_progress', closedAt: null },
    })
    await page.close()
  })
})

describe('the centre’s console', () => {
  async function signedIn(): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(`${centreUrl}/#conflicts`)
    await page.getByLabel('Token').fill(await centre.token())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('main h2', { hasText: 'Conflicts' }).waitFor()
    return page
  }
  const main = async (page: Page): Promise<string> => (await page.locator('main').textContent()) ?? ''

  it('says that nothing is open, and what was settled and rejected', async () => {
    const page = await signedIn()
    expect(await main(page)).toMatch(/All changes agree/)
    expect(await main(page)).toMatch(/Work order 427, Replace the seal: status/)
    expect(await main(page)).toMatch(/there is such a row already/)
    await picture(page, 'centre-empty')
    await page.close()
  })

  it('lets an operator choose, through the kernel, and shows it as settled', async () => {
    await does(van, 'amara', 'work_order.close', { work_order: '428' })
    other.at.clock.advance(120_000)
    await does(other, 'ben', 'work_order.open', { work_order: '428' })
    await centre.take(van.at)
    await centre.take(other.at)
    const page = await signedIn()
    await expect.poll(async () => await main(page)).toMatch(/a person must choose/)
    await picture(page, 'centre-conflict')
    await page.getByRole('link', { name: 'Inbox' }).click()
    await expect
      .poll(async () => await main(page))
      .toMatch(/work order 428, Replace the seal.*choose one of two versions/)
    await picture(page, 'centre-inbox')
    await page.getByRole('link', { name: 'Conflicts' }).click()
    await page.getByRole('button', { name: 'Take this' }).last().click()
    await expect.poll(async () => await main(page)).toMatch(/All changes agree/)
    expect((await centre.call('/api/context/work_order')).text).toContain('"number":"428"')
    const [settled] = (await centre.journal.newest(10)).filter(
      ({ body }) => body.kind === 'intent' && body.action === 'context.settle',
    )
    expect(settled?.body).toMatchObject({ principal: { id: 'olu', roles: ['operator'] }, verdict: 'permit' })
    await picture(page, 'centre-settled')
    await page.close()
  })

  it('says so when the centre does not answer, and that nothing was chosen when it was settled before', async () => {
    const page = await signedIn()
    await page.route('**/api/**', async (route) => await route.abort())
    await expect
      .poll(async () => await page.getByRole('alert').textContent(), { timeout: 30_000 })
      .toMatch(/does not answer/)
    await picture(page, 'centre-unreachable')
    const again = await centre.call('/api/conflicts/none.status', { method: 'POST', body: { take: 'ours' } })
    expect(again).toMatchObject({ status: 404, body: { code: 'no_such_conflict' } })
    const listed = (await centre.call('/api/conflicts')).body['conflicts'] as readonly { id: string }[]
    const id = listed[0]?.id ?? ''
    expect(
      await centre.call(`/api/conflicts/${id}`, { method: 'POST', body: { take: 'ours' } }),
    ).toMatchObject({ status: 409, body: { code: 'conflict_settled' } })
    expect(
      (await centre.call(`/api/conflicts/${id}`, { method: 'POST', body: { take: 'both' } })).status,
    ).toBe(422)
    expect(
      (await centre.call(`/api/conflicts/${id}`, { method: 'POST', body: { take: 'ours' }, role: null }))
        .status,
    ).toBe(401)
    await page.close()
  })
})
