import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { BINARY } from '../../support/starling.ts'

it('a command whose reader has left ends, and says nothing of it', async () => {
  const child = spawn(process.execPath, [BINARY, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect({ code, signal, err }).toEqual({ code: null, signal: 'SIGTERM', err: '' })
})
