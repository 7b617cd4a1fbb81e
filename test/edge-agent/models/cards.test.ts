/** What a model's card says its files are, they are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { sha256Hex } from '../../../shared/digest.ts'
import { packageRoot } from '../../../shared/package-root.ts'

const models = fileURLToPath(new URL('edge-agent/models/', packageRoot()))

interface Card {
  readonly files?: Readonly<Record<string, string>>
}

const claims = readdirSync(models).flatMap((folder) => {
  const card = join(models, folder, 'card.json')
  const { files = {} } = existsSync(card) ? (JSON.parse(readFileSync(card, 'utf8')) as Card) : {}
  return Object.entries(files).map(([file, digest]) => ({ file: join(folder, file), digest }))
})

it('there are such cards', () => {
  expect(claims.length).toBeGreaterThan(4)
})

it.each(claims)('$file is what its card describes', ({ file, digest }) => {
  expect(sha256Hex(readFileSync(join(models, file)))).toBe(digest)
})
