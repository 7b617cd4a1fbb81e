/** What the commands of operators share: which centre, in whose name, with which key. */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { loadKeyPair, loadPublicKey, type KeyPair } from '../../shared/signing/ed25519.ts'
import type { Call } from './call.ts'
import { NoCentreHere } from './commands/parts.ts'
import { atCentre } from './operator.ts'
import { readRunFile, type RunFile } from './run-files.ts'

export class KeyFileRefused extends StarlingError {
  override readonly code = 'key_file_refused'
}

export interface AsOption {
  /** A file with somebody else's access token. */
  readonly as?: string
}

/** A centre, and in whose name it is called. */
export interface Operating {
  readonly hub: RunFile['hub']
  get(path: string): Promise<unknown>
  send(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown>
}

/** Throws {@link NoCentreHere}. */
export function operating({ home }: Call, { as }: AsOption): Operating {
  const running = readRunFile(home, 'hub')
  if (running === null)
    throw new NoCentreHere('no centre runs on this data folder', {
      remedy: 'Start it with `starling hub` or `starling up`, or name its folder with --data.',
    })
  const hub = as === undefined ? running : { ...running, operatorToken: as }
  return {
    hub,
    get: async (path) => await atCentre(hub, path),
    send: async (method, path, body = {}) =>
      await atCentre(hub, path, { method, body: JSON.stringify(body) }),
  }
}

/** The secret half that `starling keys new` wrote. Throws {@link KeyFileRefused} for anything but an Ed25519 key. */
export function readPersonKey(path: string): KeyPair {
  try {
    const handle = createPrivateKey(readFileSync(path, 'utf8'))
    if (handle.asymmetricKeyType !== 'ed25519')
      throw new TypeError(`a ${handle.asymmetricKeyType ?? 'nameless'} key`)
    // PKCS #8 of an Ed25519 key ends with the 32 bytes of its seed (RFC 8410).
    const seed = handle.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
    return loadKeyPair(seed.toString('base64url'))
  } catch (cause) {
    throw refused(path, cause)
  }
}

const PublicSchema = v.object({
  scheme: v.literal('ed25519'),
  keyval: v.object({ public: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
})

/** The public half that `starling keys new` wrote, base64url. Throws {@link KeyFileRefused}. */
export function readPersonPublicKey(path: string): string {
  try {
    const { keyval } = v.parse(PublicSchema, JSON.parse(readFileSync(path, 'utf8')))
    return loadPublicKey(Buffer.from(keyval.public, 'hex').toString('base64url')).text
  } catch (cause) {
    throw refused(path, cause)
  }
}

function refused(path: string, cause: unknown): KeyFileRefused {
  return new KeyFileRefused(`${path} holds no Ed25519 key: ${(cause as Error).message}`, {
    remedy: 'Make one with `starling keys new --out FILE`: FILE signs, FILE.pub is entered.',
    cause,
  })
}
