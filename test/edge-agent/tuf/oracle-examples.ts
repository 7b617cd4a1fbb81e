/** For each listed difference between the two clients, a repository that shows it; run on a client that knows version 1. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { keyDocument, keyIdOf, signatureOver } from '../../../rollout/tuf/documents.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { loose, type Loose, type LooseValue, type TestRepository } from '../../support/tuf-repository.ts'

const LOWER = ['targets', 'snapshot', 'timestamp'] as const
const key = (): SigningKey => generateSigningKey('ed25519')

/** Publishes `role` anew, and whatever has to list it. */
function publish(repository: TestRepository, role: string): void {
  const after = { root: [], targets: ['snapshot', 'timestamp'], snapshot: ['timestamp'], timestamp: [] }[role]
  repository.publish(role, ...(after ?? ['snapshot', 'timestamp']))
}

function set(role: string, name: string, value: LooseValue): (repository: TestRepository) => void {
  return (repository) => {
    repository.document(role)[name] = value
    publish(repository, role)
  }
}

const rolesOf = (repository: TestRepository, delegator: string): Loose[] =>
  (repository.document(delegator)['delegations'] as Loose)['roles'] as Loose[]

const hashesOf = (repository: TestRepository, role: string, path: string): Loose =>
  (repository.document(role)['targets'] as Loose)[path] as Loose

/** Lets root name `document` for the timestamp, alone or with what it has, and signs the timestamp under its id. */
function timestampBy(repository: TestRepository, document: Loose, sig: (message: Loose) => string): void {
  repository.roleOf('timestamp')['keyids'] = [keyIdOf(document)]
  ;(repository.document('root')['keys'] as Loose)[keyIdOf(document)] = document
  repository.publish('root', 'timestamp')
  repository.tamper('timestamp', (file) => {
    file['signatures'] = [{ keyid: keyIdOf(document), sig: sig(file['signed'] as Loose) }]
  })
}

export const EXAMPLES: Readonly<Record<string, (repository: TestRepository) => void>> = {
  'expiry in another form': set('targets', 'expires', '2040-01-01'),
  'expiry that is none': set('targets', 'expires', 'never'),
  'signature with a tail': (repository) => {
    repository.publish(...LOWER)
    repository.tamper('targets', (file) => {
      const [first] = file['signatures'] as Loose[]
      if (first !== undefined) first['sig'] = `${first['sig'] as string}zz`
    })
  },
  'consistent_snapshot left out': (repository) => {
    delete repository.document('root')['consistent_snapshot']
    repository.publish('root')
  },
  'delegations to nobody': (repository) => {
    delete (repository.document('B')['delegations'] as Loose)['roles']
    publish(repository, 'B')
  },
  'a role without a name': (repository) => {
    rolesOf(repository, 'targets').push({
      ...rolesOf(repository, 'targets')[0],
      name: '',
      paths: ['nothing'],
    })
    publish(repository, 'targets')
  },
  'a role whose name is a number': (repository) => {
    repository.delegate('targets', '7', { paths: ['a/*'] })
    repository.signers.set('7', [])
    repository.publish('7', ...LOWER)
  },
  'one key under two ids': (repository) => {
    const one = key()
    const other = { ...keyDocument(one), note: 'x' }
    repository.roleOf('timestamp')['threshold'] = 2
    repository.roleOf('timestamp')['keyids'] = []
    repository.addKey('timestamp', one)
    repository.addKey('timestamp', one, other)
    repository.signers.set('timestamp', [one])
    repository.publish('root', 'timestamp')
    repository.tamper('timestamp', (file) => {
      const [first] = file['signatures'] as Loose[]
      file['signatures'] = [first ?? {}, { ...first, keyid: keyIdOf(other) }]
    })
  },
  'a small-order key': (repository) => {
    const publicText = `01${'00'.repeat(31)}`
    repository.addKey('timestamp', key(), {
      keytype: 'ed25519',
      scheme: 'ed25519',
      keyval: { public: publicText },
    })
    repository.publish('root', 'timestamp')
  },
  'another scheme than the key has': (repository) => {
    const one = generateSigningKey('ecdsa-sha2-nistp256')
    const document = loose({ ...keyDocument(one), scheme: 'ecdsa-sha2-nistp521' })
    timestampBy(repository, document, (message) => signatureOver(message, one).sig)
  },
  'a key on P-384': (repository) => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
    const document = {
      keytype: 'ecdsa',
      scheme: 'ecdsa-sha2-nistp256',
      keyval: { public: String(pair.publicKey.export({ format: 'pem', type: 'spki' })) },
    }
    const signer: SigningKey = {
      ...generateSigningKey('ecdsa-sha2-nistp256'),
      sign: (message) => sign('sha256', message, pair.privateKey),
    }
    timestampBy(repository, document, (message) => signatureOver(message, signer).sig)
  },
  'a list where an object belongs': (repository) => {
    const keys = (repository.document('B')['delegations'] as Loose)['keys'] as Loose
    for (const held of Object.values(keys)) (held as Loose)['keyval'] = []
    publish(repository, 'B')
  },
  'an unknown field of a key that is no text': (repository) => {
    const keys = repository.document('root')['keys'] as Loose
    for (const held of Object.values(keys)) ((held as Loose)['keyval'] as Loose)['note'] = 7
    repository.publish('root')
  },
  'version 0': (repository) => {
    repository.document('timestamp')['version'] = 0
    repository.forget('timestamp')
    repository.publish('timestamp')
  },
  'a spec version with nothing behind the point': set('targets', 'spec_version', '1.'),
  'a target without a hash': (repository) => {
    hashesOf(repository, 'targets', 'top')['hashes'] = {}
    publish(repository, 'targets')
  },
  'a target with a broken hash only': (repository) => {
    hashesOf(repository, 'targets', 'top')['hashes'] = {
      md5: createHash('md5')
        .update(repository.artifacts.get('top') ?? '')
        .digest('hex'),
    }
    publish(repository, 'targets')
  },
  'another file in the timestamp': (repository) => {
    ;(repository.document('timestamp')['meta'] as Loose)['other.json'] = { version: 1 }
    repository.publish('timestamp')
  },
  'braces in a pattern': (repository) => {
    Object.assign(rolesOf(repository, 'targets')[0] ?? {}, { paths: ['a/{x,y}'] })
    publish(repository, 'targets')
  },
  'a name that begins with a point': (repository) => {
    repository.addArtifact('A', 'a/.hidden', Buffer.from('hidden'))
    repository.publish('A', ...LOWER)
  },
  'a diamond whose second delegator trusts another key': (repository) => {
    const trustedByB = repository.signers.get('C') ?? []
    repository.delegate('A', 'C', { paths: ['a/new'], key: key() })
    repository.signers.set('C', trustedByB)
    repository.addArtifact('C', 'a/new', Buffer.from('by C'))
    repository.publish('C', 'A', ...LOWER)
  },
}
