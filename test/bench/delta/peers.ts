/** bsdiff, zstd and xdelta3 as Debian packages them, at the settings that make their deltas smallest. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'

export interface PeerDelta {
  readonly bytes: number
  /** User and system time of its process. */
  readonly cpuSeconds: number
}

/** The shell's own `time`: user and system seconds on one line. */
const TIMED = 'TIMEFORMAT="%U %S"; time'
/** A window that holds both files, as zstd's manual says for --patch-from. */
const PEERS = {
  bsdiff: 'bsdiff "$1" "$2" "$3"',
  zstd: 'zstd -q -f --single-thread --ultra -19 --long=27 --patch-from="$1" "$2" -o "$3"',
  xdelta3: 'xdelta3 -q -f -9 -B 268435456 -e -s "$1" "$2" "$3"',
} as const
export type Peer = keyof typeof PEERS
export const PEER_NAMES = Object.keys(PEERS) as readonly Peer[]

/** The peers that are installed here, of which each is told that is not. */
export function installedPeers(progress: (line: string) => void): readonly Peer[] {
  return PEER_NAMES.filter((peer) => {
    const isInstalled = spawnSync('bash', ['-c', `command -v ${peer}`]).status === 0
    if (!isInstalled) progress(`${peer} is not installed (Debian package ${peer}): it has no rows`)
    return isInstalled
  })
}

/** Null when it fails. `dir` holds the files `base` and `target`. */
export function deltaOf(peer: Peer, dir: string): PeerDelta | null {
  const out = join(dir, `delta.${peer}`)
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `${TIMED} ${PEERS[peer]}`, peer, join(dir, 'base'), join(dir, 'target'), out],
    { encoding: 'utf8' },
  )
  const times = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? []
  if (status !== 0 || times.length !== 2 || times.some(Number.isNaN)) return null
  return { bytes: statSync(out).size, cpuSeconds: times.reduce((a, b) => a + b, 0) }
}
