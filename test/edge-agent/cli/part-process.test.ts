import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PartFailed, startPart } from '../../../edge-agent/cli/part-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-part-'))
function program(name: string, text: string): URL {
  const path = join(folder, `${name}.mjs`)
  writeFileSync(path, text)
  return pathToFileURL(path)
}
const start = (entry: URL, log: string[] = []): ReturnType<typeof startPart> =>
  startPart({
    name: 'hub',
    entry,
    args: [],
    onLog: (line) => log.push(line),
    signal: new AbortController().signal,
  })

describe('a part of Starling', () => {
  it('is ready when it says so, and stops when it is asked', async () => {
    const entry = program(
      'good',
      `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.error('opening')
       console.log('hello'); console.log(JSON.stringify({ready:true,http:'http://127.0.0.1:1'}))`,
    )
    const log: string[] = []
    const part = await start(entry, log)
    expect(part.ready['http']).toBe('http://127.0.0.1:1')
    await expect.poll(() => log).toEqual(['opening'])
    await part.stop()
    expect(await part.gone).toEqual({ code: 7, signal: null })
  })

  it('hands on its own error with the remedy', async () => {
    const error = { code: 'port_taken', message: 'port 7400 is taken', remedy: 'Choose another.' }
    const entry = program(
      'bad',
      `console.log(JSON.stringify({error:${JSON.stringify(error)}})); setInterval(() => {}, 1000)`,
    )
    await expect(start(entry)).rejects.toMatchObject({
      remedy: 'Choose another.',
      details: { code: 'port_taken' },
    })
  })

  it('is refused when it ends before it is ready', async () => {
    await expect(start(program('mute', 'process.exit(0)'))).rejects.toThrow(PartFailed)
  })
})
