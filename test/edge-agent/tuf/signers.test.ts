/** Keys, thresholds and rotations: who may speak for a role, and how often one voice counts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyDocument, keyIdOf } from '../../../rollout/tuf/documents.ts'
import { generateSigningKey, type SigningKey } from '../../../shared/signing/signing-key.ts'
import { TufClient } from '../../support/tuf-client.ts'
import { loose, type Loose, type LooseValue, type TestRepository } from '../../support/tuf-repository.ts'

let client: TufClient
let repository: TestRepository

beforeEach(async () => {
  client = await TufClient.started()
  repository = client.repository
})
afterEach(async () => await client.stop())

const LOWER = ['targets', 'snapshot', 'timestamp'] as const

describe('a threshold', () => {
  it('is not met by two of three', async () => {
    repository.roleOf('snapshot')['threshold'] = 3
    repository.addKey('snapshot')
    repository.addKey('snapshot')
    repository.publish('root', ...LOWER)
    await client.init()
    expect(await client.refresh()).toBe(0)
    repository.signers.get('snapshot')?.pop()
    repository.publish(...LOWER)
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('signed by 2 of its keys, 3 are needed')
    expect(await client.trusted()).toContain('snapshot 2')
  })

  it('above the number of keys is never met', async () => {
    await client.init()
    for (let count = 0; count < 4; count += 1) repository.addKey('snapshot')
    repository.roleOf('snapshot')['threshold'] = 6
    repository.publish('root', 'snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toEqual(['root 2', 'timestamp 2'])
  })

  it('is not met by one key that is named again and again', async () => {
    await client.init()
    const key = generateSigningKey('ecdsa-sha2-nistp256')
    for (let count = 0; count < 9; count += 1) repository.addKey('snapshot', key)
    repository.roleOf('snapshot')['threshold'] = 6
    repository.publish('root', 'snapshot', 'timestamp')
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('repeated id')
    expect(await client.trusted()).toEqual(['root 1'])
  })

  it('is not met by one key under two ids', async () => {
    await client.init()
    const key = generateSigningKey('ed25519')
    repository.roleOf('timestamp')['keyids'] = []
    repository.signers.set('timestamp', [])
    const first = repository.addKey('timestamp', key)
    const other = { ...keyDocument(first), note: 'another document, another id' }
    repository.addKey('timestamp', key, other)
    repository.roleOf('timestamp')['threshold'] = 2
    repository.publish('root', 'timestamp')
    repository.tamper('timestamp', (file) => {
      const [signature] = file['signatures'] as Loose[]
      file['signatures'] = [loose(signature ?? null), { ...signature, keyid: keyIdOf(other) }]
    })
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('signed by 1 of its keys, 2 are needed')
  })

  it('refuses a file that is signed twice under one key id', async () => {
    await client.init()
    repository.tamper('snapshot', (file) => {
      const signatures = file['signatures'] as LooseValue[]
      signatures.push(loose(signatures[0] as Loose))
    })
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('signed twice')
    expect(await client.trusted()).toEqual(['root 1', 'timestamp 1'])
  })

  it('is met although another signature is wrong, or empty, or no hex', async () => {
    await client.init()
    const [first] = repository.signers.get('timestamp') ?? []
    const firstId = first === undefined ? '' : keyIdOf(keyDocument(first))
    repository.addKey('timestamp')
    for (const damage of ['00'.repeat(70), '', 'zz', 'abc']) {
      repository.publish('root', 'timestamp')
      repository.tamper('timestamp', (file) => {
        for (const signature of file['signatures'] as Loose[])
          if (signature['keyid'] === firstId) signature['sig'] = damage
      })
      expect(await client.refresh()).toBe(0)
    }
    expect(await client.trusted()).toContain('timestamp 5')
  })
})

describe('a key of kind', () => {
  it.each(['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256'] as const)(
    '%s counts when it signed, and only then',
    async (scheme) => {
      await client.init()
      const key = repository.addKey('root', generateSigningKey(scheme))
      repository.roleOf('root')['threshold'] = 2
      repository.publish('root')
      expect(await client.refresh()).toBe(0)
      expect(await client.trusted()).toContain('root 2')
      const before = JSON.parse(Buffer.from(repository.latest('root')).toString()) as { signatures: Loose[] }
      repository.publish('root')
      const id = keyIdOf(keyDocument(key))
      repository.tamper('root', (file) => {
        for (const signature of file['signatures'] as Loose[])
          if (signature['keyid'] === id)
            signature['sig'] = before.signatures.find(({ keyid }) => keyid === id)?.['sig'] ?? ''
      })
      expect(await client.refresh()).toBe(1)
      expect(await client.trusted()).toContain('root 2')
    },
  )

  it('ecdsa counts under the name that older repositories use', async () => {
    await client.init()
    const key = generateSigningKey('ecdsa-sha2-nistp256')
    const document = { ...keyDocument(key), keytype: 'ecdsa-sha2-nistp256' }
    repository.roleOf('timestamp')['keyids'] = []
    repository.signers.set('timestamp', [])
    repository.addKey('timestamp', key, document)
    repository.publish('root', 'timestamp')
    repository.tamper('timestamp', (file) => {
      const [signature] = file['signatures'] as Loose[]
      if (signature !== undefined) signature['keyid'] = keyIdOf(document)
    })
    expect(await client.refresh()).toBe(0)
  })

  const unusable: readonly (readonly [string, (key: SigningKey) => Loose])[] = [
    [
      'an unknown type',
      (key) => ({ keytype: 'falcon', scheme: 'falcon', keyval: { public: key.publicText } }),
    ],
    [
      'an unknown scheme',
      (key) => ({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp521', keyval: { public: key.publicText } }),
    ],
    ['no public part', () => ({ keytype: 'sigstore-oidc', scheme: 'Fulcio', keyval: { identity: 'a@b.c' } })],
    [
      'RSA said to be ECDSA',
      () => ({
        keytype: 'ecdsa',
        scheme: 'ecdsa-sha2-nistp256',
        keyval: { public: generateSigningKey('rsassa-pss-sha256').publicText },
      }),
    ],
    [
      'a private key',
      (key) => ({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: key.secretPem() } }),
    ],
    ['no PEM', () => ({ keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: 'nonsense' } })],
    ['a short point', () => ({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'abcd' } })],
  ]
  it.each(unusable)('%s never counts, and does no harm beside one that does', async (_name, documentOf) => {
    await client.init()
    const key = generateSigningKey('ecdsa-sha2-nistp256')
    const document = documentOf(key)
    const id = keyIdOf(document)
    const [usual] = repository.signers.get('timestamp') ?? []
    repository.addKey('timestamp', key, document)
    repository.publish('root', 'timestamp')
    repository.tamper('timestamp', (file) => {
      for (const signature of file['signatures'] as Loose[])
        if (usual === undefined || signature['keyid'] !== keyIdOf(keyDocument(usual))) signature['keyid'] = id
    })
    expect(await client.refresh()).toBe(0)
    repository.roleOf('timestamp')['threshold'] = 2
    repository.publish('root')
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('signed by 1 of its keys, 2 are needed')
  })
})

describe('weak Ed25519', () => {
  const SMALL_ORDER = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]
  it.each(SMALL_ORDER)('a root that names the small-order key %s is refused', async (publicText) => {
    await client.init()
    repository.addKey('timestamp', undefined, {
      keytype: 'ed25519',
      scheme: 'ed25519',
      keyval: { public: publicText },
    })
    repository.publish('root')
    expect(await client.refresh()).toBe(1)
    expect(client.complaint).toContain('small order')
    expect(await client.trusted()).toEqual(['root 1'])
  })

  it('a signature with S + L in the place of S does not count', async () => {
    await client.init()
    repository.rotate('timestamp', 'ed25519')
    repository.publish('root', 'timestamp')
    expect(await client.refresh()).toBe(0)
    repository.publish('timestamp')
    repository.tamper('timestamp', (file) => {
      const [signature] = file['signatures'] as Loose[]
      if (signature === undefined) return
      const raw = Buffer.from(signature['sig'] as string, 'hex')
      const order = 2n ** 252n + 27742317777372353535851937790883648493n
      const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order
      const high = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
      signature['sig'] = Buffer.concat([raw.subarray(0, 32), high]).toString('hex')
    })
    expect(await client.refresh()).toBe(1)
    expect(await client.trusted()).toContain('timestamp 2')
  })
})

interface RootVersion {
  readonly keys: readonly number[]
  readonly threshold: number
  readonly signedBy: readonly number[]
}
const FIVE = [0, 1, 2, 3, 4]
const SWAPPED = [0, 1, 3, 4, 5]
const v = (keys: readonly number[], threshold: number, signedBy: readonly number[]): RootVersion => ({
  keys,
  threshold,
  signedBy,
})

const rotations: readonly (readonly [string, readonly RootVersion[], boolean])[] = [
  ['one key by another', [v([1], 1, [1]), v([2], 1, [2, 1]), v([2], 1, [2])], true],
  [
    'one key by another, among signatures of strangers',
    [v([1], 1, [3, 1, 4]), v([2], 1, [3, 2, 1, 4]), v([2], 1, [3, 2, 4])],
    true,
  ],
  [
    'nothing, with other signers each time',
    [v(FIVE, 3, [0, 2, 4]), v(FIVE, 3, [0, 4, 1]), v(FIVE, 3, [0, 1, 3]), v(FIVE, 3, [0, 1, 3])],
    true,
  ],
  ['one of five', [v(FIVE, 3, [0, 2, 4]), v(SWAPPED, 3, [0, 4, 1])], true],
  [
    'one of five, signed by it before and after',
    [v(FIVE, 3, [0, 2, 4]), v(SWAPPED, 3, [0, 2, 4, 5]), v(SWAPPED, 3, [0, 4, 5])],
    true,
  ],
  [
    'all five',
    [v(FIVE, 3, [0, 2, 4]), v([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]), v([5, 6, 7, 8, 9], 3, [5, 6, 7])],
    true,
  ],
  ['the threshold, up', [v([1, 2, 3], 1, [1]), v([1, 2, 3], 2, [1, 2])], true],
  ['the threshold, down', [v([1, 2, 3], 2, [1, 2]), v([1, 2, 3], 1, [1, 2]), v([1, 2, 3], 1, [1])], true],
  ['the threshold, up, with a new key', [v([1], 1, [1]), v([1, 2], 2, [1, 2])], true],
  ['one key, without the old one', [v([1], 1, [1]), v([2], 1, [2, 3, 4])], false],
  ['one key, without the new one', [v([1], 1, [1]), v([2], 1, [1, 3, 4])], false],
  ['one of five, without three new ones', [v(FIVE, 3, [0, 2, 4]), v(SWAPPED, 3, [0, 2, 4])], false],
  ['one of five, without three old ones', [v(FIVE, 3, [0, 2, 4]), v(SWAPPED, 3, [0, 4, 5])], false],
  ['the threshold, up, by one signer', [v([1, 2, 3], 1, [1]), v([1, 2, 3], 2, [2])], false],
  ['the threshold, down, by one signer', [v([1, 2, 3], 2, [1, 2]), v([1, 2, 3], 1, [1])], false],
]

describe('a rotation of root that changes', () => {
  it.each(rotations)('%s', async (_name, versions, accepted) => {
    const keys = Array.from({ length: 10 }, () => generateSigningKey('ed25519'))
    repository.forget('root')
    for (const { keys: named, threshold, signedBy } of versions)
      setRole('root', { keys, named, threshold, signedBy })
    await client.init()
    expect(await client.refresh()).toBe(accepted ? 0 : 1)
    const roots = repository.published.get('root') ?? []
    const expected = roots.at(accepted ? -1 : -2)
    expect(Buffer.from(expected ?? new Uint8Array()).equals(await client.stored('root'))).toBe(true)
  })
})

const others: readonly (readonly [string, RootVersion, boolean])[] = [
  ['a new key', v([2], 1, [2]), true],
  ['its key among strangers', v([1], 1, [3, 1, 4]), true],
  ['everybody but its new key', v([2], 1, [1, 3, 4]), false],
  ['two of its keys and one stranger, three needed', v(SWAPPED, 3, [0, 2, 4]), false],
  ['two of its keys, three needed', v(SWAPPED, 3, [0, 4]), false],
  ['three of five', v(FIVE, 3, [0, 2, 4]), true],
  ['another three of five', v(FIVE, 3, [0, 4, 1]), true],
  ['the first, second and fourth of five', v(FIVE, 3, [0, 1, 3]), true],
  ['the middle three of five', v(FIVE, 3, [1, 2, 3]), true],
  ['the last three of five', v(FIVE, 3, [2, 3, 4]), true],
]

describe('a role signed by', () => {
  it.each(others)('%s', async (_name, { keys: named, threshold, signedBy }, accepted) => {
    await client.init()
    const keys = Array.from({ length: 10 }, () => generateSigningKey('ed25519'))
    for (const role of ['timestamp', 'snapshot', 'targets']) {
      setRole(role, { keys, named, threshold, signedBy })
      repository.publish('root', ...LOWER)
      expect(await client.refresh()).toBe(accepted ? 0 : 1)
      if (accepted) expect(Buffer.from(repository.latest(role)).equals(await client.stored(role))).toBe(true)
      else expect(client.complaint).toContain('are needed')
    }
  })
})

function setRole(
  role: string,
  plan: {
    keys: readonly SigningKey[]
    named: readonly number[]
    threshold: number
    signedBy: readonly number[]
  },
): void {
  const of = (numbers: readonly number[]): SigningKey[] =>
    plan.keys.filter((_key, index) => numbers.includes(index))
  const named = repository.roleOf(role)
  named['keyids'] = []
  named['threshold'] = plan.threshold
  for (const key of of(plan.named)) repository.addKey(role, key)
  repository.signers.set(role, of(plan.signedBy))
  if (role === 'root') repository.publish('root')
}
