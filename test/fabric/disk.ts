/** A small disk of its own for a process, to be filled: a tmpfs, where this machine lets one be mounted. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SIZE_MB = 256

export interface SmallDisk {
  readonly dir: string
  fill(): void
  free(): void
  unmount(): void
}

/** Null where mounting is not permitted. */
export function mountSmallDisk(dir: string): SmallDisk | null {
  mkdirSync(dir, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    return null // Not root, or a container without the right to mount: those faults are left out, and it is said.
  }
  const ballast = join(dir, 'ballast')
  return {
    dir,
    fill: () => {
      const { bavail, bsize } = statfsSync(dir)
      try {
        writeFileSync(ballast, Buffer.alloc(bavail * bsize))
      } catch {
        // It was filled to the last page, which is what was wanted.
      }
    },
    free: () => rmSync(ballast, { force: true }),
    unmount: () => {
      try {
        execFileSync('umount', [dir], { stdio: 'ignore' })
      } catch {
        execFileSync('umount', ['-l', dir], { stdio: 'ignore' }) // A process that is ending still holds a file.
      }
    },
  }
}
