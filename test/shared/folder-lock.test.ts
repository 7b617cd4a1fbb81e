import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderLocked, FolderUnusable, LOCK_FILE, takeFolderLock } from '../../shared/folder-lock.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import { dataFolder } from '../support/data-folder.ts'

const HOLDER = fileURLToPath(new URL('./lock-holder.mjs', import.meta.url))

let folder: Awaited<ReturnType<typeof dataFolder>>
let dir: string
const children: ChildProcess[] = []
beforeEach(async () => {
  folder = await dataFolder('lock')
  dir = folder.path
})
afterEach(async () => {
  await Promise.all(children.splice(0).map(async (child) => await kill(child)))
  await folder.remove()
})

const lockText = (): string => readFileSync(join(dir, LOCK_FILE), 'utf8')
const write = (change: object): void => {
  const lock = JSON.parse(lockText()) as object
  writeFileSync(join(dir, LOCK_FILE), JSON.stringify({ ...lock, ...change }))
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

interface Holder {
  readonly pid: number
  /** Tells it to take the lock; what it says of that. */
  take(): Promise<string>
  kill(): Promise<void>
}

async function otherProcess(): Promise<Holder> {
  const child = spawn(process.execPath, [HOLDER, dir], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const next = await lines.next()
    return next.done === true ? '' : next.value
  }
  expect(await line()).toBe('ready')
  return {
    pid: child.pid ?? 0,
    take: async () => {
      child.stdin.write('go\n')
      return await line()
    },
    kill: async () => await kill(child),
  }
}

describe('a folder’s lock', () => {
  it('makes the folder, and is taken again after its release', () => {
    const inside = join(dir, 'new', 'folder')
    const first = takeFolderLock(inside, 'first')
    first.release()
    expect(existsSync(join(inside, LOCK_FILE))).toBe(false)
    takeFolderLock(inside, 'second').release()
  })

  it('is refused to its own process too, with what it is held for', () => {
    const lock = takeFolderLock(dir, 'the first purpose')
    expect(() => takeFolderLock(dir, 'the second')).toThrow(FolderLocked)
    expect(() => takeFolderLock(dir, 'the second')).toThrow(/the first purpose/)
    lock.release()
  })

  it('leaves nothing else in the folder', () => {
    const lock = takeFolderLock(dir, 'first')
    expect(() => takeFolderLock(dir, 'second')).toThrow(FolderLocked)
    expect(readdirSync(dir)).toEqual([LOCK_FILE])
    lock.release()
    expect(readdirSync(dir)).toEqual([])
  })

  it('is refused with the pid of the living process that holds it, and taken over when that is killed', async () => {
    const holder = await otherProcess()
    expect(await holder.take()).toBe('taken')
    const refused = (() => {
      try {
        return takeFolderLock(dir, 'mine')
      } catch (error) {
        return error
      }
    })()
    expect(refused).toMatchObject({ code: 'folder_locked', pid: holder.pid, purpose: 'another process' })
    expect((refused as FolderLocked).remedy).toContain(String(holder.pid))
    await expect(openDatabase({ dir })).rejects.toMatchObject({ code: 'database_locked', pid: holder.pid })
    await holder.kill()
    const lock = takeFolderLock(dir, 'mine')
    expect(lockText()).toContain(`"pid":${String(process.pid)}`)
    lock.release()
  })

  it('goes to exactly one of many processes that find a dead one’s', async () => {
    const dead = await otherProcess()
    expect(await dead.take()).toBe('taken')
    await dead.kill()
    const crowd = await Promise.all(Array.from({ length: 6 }, otherProcess))
    const said = await Promise.all(crowd.map(async (holder) => await holder.take()))
    expect(said.toSorted()).toEqual([...Array<string>(5).fill('folder_locked'), 'taken'])
    const winner = crowd[said.indexOf('taken')]
    expect(lockText()).toContain(`"pid":${String(winner?.pid)}`)
  })

  it('is taken over from a process that was killed while it took over itself', async () => {
    takeFolderLock(dir, 'before')
    write({ boot: 'another', token: 'first-dead' })
    const claim = join(dir, `${LOCK_FILE}.first-dead`)
    writeFileSync(claim, lockText().replace('first-dead', 'second-dead'))
    takeFolderLock(dir, 'after').release()
    expect(readdirSync(dir)).toEqual([])
  })

  it('is refused while a living process takes it over', async () => {
    takeFolderLock(dir, 'before')
    const holder = await otherProcess()
    const alive = JSON.parse(lockText()) as object
    writeFileSync(join(dir, `${LOCK_FILE}.dead`), JSON.stringify({ ...alive, token: 'living' }))
    write({ boot: 'another', token: 'dead' })
    expect(await holder.take()).toBe('folder_locked')
    expect(lockText()).toContain('"token":"dead"')
  })

  it('is taken over when its pid belongs to a younger process', () => {
    takeFolderLock(dir, 'before')
    write({ started: '1' })
    takeFolderLock(dir, 'after').release()
  })

  it('is taken over when the machine was started anew since', () => {
    takeFolderLock(dir, 'before')
    write({ boot: 'another' })
    takeFolderLock(dir, 'after').release()
  })

  it.each([
    ['empty', ''],
    ['cut short', '{"pid":1,"star'],
    ['without a pid', '{"started":"1"}'],
    ['with a pid that names a group', '{"pid":-1,"started":"","boot":"","purpose":"","token":""}'],
  ])('is taken over when a power cut left it %s', (_, text) => {
    writeFileSync(join(dir, LOCK_FILE), text)
    takeFolderLock(dir, 'after').release()
  })

  it('lets no token lead out of the folder', () => {
    takeFolderLock(dir, 'before')
    write({ boot: 'another', token: '../../escape' })
    takeFolderLock(dir, 'after').release()
    expect(readdirSync(dir)).toEqual([])
  })

  it('cannot be taken where there is no folder, and says what to look at', () => {
    const file = join(dir, 'file')
    writeFileSync(file, '')
    expect(() => takeFolderLock(file, 'mine')).toThrow(FolderUnusable)
    expect(() => takeFolderLock(join(file, 'below'), 'mine')).toThrow(/cannot be used/)
  })

  it('is not released for the one who took it over', () => {
    const before = takeFolderLock(dir, 'before')
    write({ boot: 'another' })
    const after = takeFolderLock(dir, 'after')
    before.release()
    expect(lockText()).toContain('after')
    after.release()
    expect(existsSync(join(dir, LOCK_FILE))).toBe(false)
  })
})
