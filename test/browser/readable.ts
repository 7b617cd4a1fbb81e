/** Holds a page against what somebody needs who sees little, hears it, or looks at it on a telephone. */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** WCAG 2.2, 1.4.3, for text that is not large. */
const LEAST_CONTRAST = 4.5
const WIDE = { width: 1280, height: 900 }
/** The narrowest telephones that are still sold. */
const NARROW = { width: 360, height: 740 }
const IN_PAGE = readFileSync(new URL('readable.mjs', import.meta.url), 'utf8')

/** By the debugger's way into the page, which its content policy leaves alone. */
async function inPage<T>(page: Page, question: string): Promise<T> {
  return await page.evaluate<T>(`(() => { ${IN_PAGE}\nreturn ${question} })()`)
}

/** Texts that are too faint for what lies behind them, each with its ratio. */
export async function faintTexts(page: Page): Promise<readonly string[]> {
  return await inPage(page, `faintTexts(${LEAST_CONTRAST})`)
}

/** Fails where a text is too faint in light or dark, a control has no name, or the page is wider than a telephone. */
export async function expectReadable(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    expect(await faintTexts(page), colorScheme).toEqual([])
  }
  expect(await inPage(page, 'unnamed()')).toEqual([])
  await page.setViewportSize(NARROW)
  expect(await inPage(page, 'overflowPx()')).toBe(0)
  await page.setViewportSize(WIDE)
  await page.emulateMedia({ colorScheme: 'light' })
}
