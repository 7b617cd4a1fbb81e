/** The built command as a process of its own, under a clock that is not the machine's. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { TufClient } from '../../support/tuf-client.ts'

const root = resolve(import.meta.dirname, '../../..')
const COMMAND = join(root, 'dist/edge-agent/tuf-cli.js')
const SHIFTED = join(root, 'test/support/shifted-clock.mjs')
const DAY_MS = 86_400_000

async function run(words: readonly string[], days = 0): Promise<{ status: number; complaint: string }> {
  return await new Promise((done) => {
    const argv = days === 0 ? [COMMAND, ...words] : ['--import', SHIFTED, COMMAND, ...words]
    const env = { ...process.env, SHIFT_CLOCK_DAYS: String(days) }
    execFile(process.execPath, argv, { env }, (failure, _out, complaint) =>
      done({ status: failure === null ? 0 : Number(failure.code), complaint }),
    )
  })
}

it('initialises, refreshes, downloads, and goes by the clock that it is given', async () => {
  const client = await TufClient.started()
  try {
    const { repository, server, metadataDir, targetDir } = client
    const rootFile = `${metadataDir}-first.json`
    await writeFile(rootFile, repository.latest('root'))
    repository.addArtifact('targets', 'a/file', Buffer.from('contents'))
    repository.expire('root', Date.now() + 7 * DAY_MS)
    repository.publish('root', 'targets', 'snapshot', 'timestamp')
    const refresh = ['--metadata-url', server.metadataUrl, '--metadata-dir', metadataDir, 'refresh']
    const targets = [
      '--target-name',
      'a/file',
      '--target-dir',
      targetDir,
      '--target-base-url',
      server.targetUrl,
    ]

    expect(await run(refresh)).toMatchObject({ status: 1 })
    expect(await run(['--metadata-dir', metadataDir, 'init', rootFile])).toEqual({ status: 0, complaint: '' })
    expect(await run(refresh)).toEqual({ status: 0, complaint: '' })
    expect(await run([...targets, ...refresh.slice(0, -1), 'download'])).toEqual({ status: 0, complaint: '' })
    expect(await client.downloaded()).toEqual(['contents'])

    const late = await run(refresh, 8)
    expect(late.status).toBe(1)
    expect(late.complaint).toContain('root: expired at')
    expect((await run(['--metadata-dir', metadataDir])).status).toBe(2)
  } finally {
    await client.stop()
  }
})
