/** Names and small files that are there after a power cut. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Files written at once: libuv has four threads, and one fsync waits for another's journal commit anyway. */
const WRITERS = 8

/** Does `work` for each of many files, a few at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}

export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Renames, and syncs the folder in which both names are. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncFolder(dirname(to))
}

/** Puts `text` in the place of the file: the old one or the new one, never a part. */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const aside = `${path}.new`
  const file = await open(aside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await renameDurably(aside, path)
}
