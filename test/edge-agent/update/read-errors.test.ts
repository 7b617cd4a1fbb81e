/**
 * Reads that fail, by errors that the system really gives: what a disk does not give is damaged, and what a process that has run out
 * of descriptors could not read says nothing, and costs nothing.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { contentFault, openContentStore } from '../../../edge-agent/models-store/content-store.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import {
  MachineExhausted,
  nullIfUnreadable,
  troubleOf,
} from '../../../edge-agent/models-store/disk-trouble.ts'
import { measuredFile } from '../../../rollout/bundle/compose.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { one, signal, updateStage } from './stage.ts'

const at = updateStage()
/** The kernel answers each read of it at the start with EIO. */
const UNREADABLE = '/proc/self/mem'

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-reads-'))
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }))
  return folder
}

describe('a process that has run out of descriptors', () => {
  it('says so, leaves and forgets nothing, and goes on when it has some again', async () => {
    const entry = fileURLToPath(new URL('dist/test/support/exhausted.process.js', packageRoot()))
    const command = `ulimit -n 60 && exec "${process.execPath}" "${entry}" "${await newFolder()}"`
    const { stdout } = await promisify(execFile)('sh', ['-c', command])
    const [first = '', after = ''] = stdout.split('\n')
    expect(JSON.parse(first)).toEqual({
      outcome: 'committed',
      taken: expect.any(Number) as number,
      exhausted: {
        fault: 'machine_exhausted',
        verify: 'machine_exhausted',
        pointer: 'machine_exhausted',
        resume: 'machine_exhausted',
        update: 'machine_exhausted',
        active: 'machine_exhausted',
        damaged: 0,
      },
    })
    expect(JSON.parse(after)).toMatchObject({
      fault: null,
      pointer: '1.0.0',
      update: { kind: 'committed' },
      active: '1.1.0',
      damaged: 0,
    })
  })

  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])('by %s: tried again, with what to do', (code) => {
    const thrown = Object.assign(new Error(code), { code })
    expect(troubleOf(thrown, 'read')).toBeInstanceOf(MachineExhausted)
    expect(() => nullIfUnreadable(thrown)).toThrow(/run out.*\(E/)
  })

  it.each(['EIO', 'ENOENT', 'EISDIR', 'EACCES'])('is not what %s says', (code) => {
    expect(nullIfUnreadable(Object.assign(new Error(code), { code }))).toBeNull()
  })
})

describe('a disk that does not give what it holds', () => {
  it('gives no content, and what cannot be read is fetched again', async () => {
    const empty = measuredFile('empty', new Uint8Array())
    const folder = await newFolder()
    symlinkSync(UNREADABLE, join(folder, 'file'))
    expect(await contentFault(join(folder, 'file'), empty)).toBe('cannot be read from this disk (EIO)')
    const store = openContentStore(folder, realDisk)
    const home = join(folder, 'objects', empty.sha256.slice(0, 2))
    mkdirSync(home, { recursive: true })
    symlinkSync(UNREADABLE, join(home, empty.sha256))
    await expect(store.verify(empty)).rejects.toThrow(/EIO/)
    expect(await store.find(empty)).toBeNull()
  })

  it('gives no signed manifest: the slot is left at the next start, and the device starts', async () => {
    const damages: string[] = []
    const dir = await committed()
    rmSync(join(dir, 'manifest.dsse.json'))
    symlinkSync(UNREADABLE, join(dir, 'manifest.dsse.json'))
    const installer = await at.device({ onDamaged: ({ code }) => void damages.push(code) })
    await installer.resume(signal)
    expect(await installer.active('models')).toBeNull()
    expect(damages).toEqual(['slot_damaged'])
  })

  it('gives a folder in place of a file: the slot is left at the next start, and the device starts', async () => {
    const damages: string[] = []
    // As large as a folder says that it is, so that it has to be read before anything is known.
    const model = new Uint8Array(Math.max(1, statSync(await newFolder()).size)).fill(5)
    const dir = await committed({ ...one, 'speech/model.onnx': model })
    rmSync(join(dir, 'speech/model.onnx'))
    mkdirSync(join(dir, 'speech/model.onnx'))
    const installer = await at.device({ onDamaged: ({ message }) => void damages.push(message) })
    await installer.resume(signal)
    expect(await installer.active('models')).toBeNull()
    expect(damages).toEqual([expect.stringContaining('speech/model.onnx') as string])
  })
})

/** The folder of the slot that runs. */
async function committed(files = one): Promise<string> {
  const installer = await at.device()
  expect((await installer.install(at.centre.publish(files), signal)).kind).toBe('committed')
  return (await installer.active('models'))?.dir ?? ''
}
