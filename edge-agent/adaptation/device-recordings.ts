/** The recordings of one device: sealed with a key that follows from its own. */
import { join } from 'node:path'
import { RECORDINGS_FOLDER } from '../home.ts'
import { realDisk } from '../models-store/disk.ts'
import type { KeyPair } from '../../shared/signing/ed25519.ts'
import { openRecordings, type Recordings } from './recordings.ts'

/** `edgeDir` is the device's folder. */
export function deviceRecordings(edgeDir: string, keyPair: Pick<KeyPair, 'seedText'>): Recordings {
  return openRecordings(
    join(edgeDir, RECORDINGS_FOLDER),
    realDisk,
    Buffer.from(keyPair.seedText, 'base64url'),
  )
}
