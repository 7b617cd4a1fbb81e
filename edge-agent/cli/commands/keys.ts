/**
 * `starling keys`: the ceremony of a TUF repository's keys and documents, step by step, on as many machines as there are keys.
 * Only `publish` touches the repository, and only after the rehearsal.
 */
import { readFileSync } from 'node:fs'
import {
  assemble,
  documentDigest,
  prepareRoot,
  rehearseRoots,
  requiredForRoot,
  signDetached,
  type Required,
} from '../../../rollout/tuf/ceremony.ts'
import {
  keyDocument,
  keyIdOf,
  targetOf,
  targetsDocument,
  type TargetDocument,
} from '../../../rollout/tuf/documents.ts'
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import { readRoot, readTargets } from '../../../rollout/tuf/metadata.ts'
import { publication } from '../../../rollout/tuf/publication.ts'
import { TufRefused } from '../../../rollout/tuf/refused.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateSigningKey, type KeyScheme } from '../../../shared/signing/signing-key.ts'
import { RepositoryFolder } from '../../tuf/repository-folder.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { json, readBytes, readDocument, readKey, readPlan, readSignature, writeNew } from './key-files.ts'

const DAY_MS = 86_400_000
/** A frozen mirror is noticed within a day; a snapshot is signed anew with every publication. */
const TIMESTAMP_DAYS = 1
const SNAPSHOT_DAYS = 7

export async function keysNew(call: Call, out: string, scheme: KeyScheme): Promise<ExitCode> {
  const key = generateSigningKey(scheme)
  const document = keyDocument(key)
  writeNew(out, key.secretPem(), 0o600)
  writeNew(`${out}.pub`, json(document))
  const id = keyIdOf(document)
  call.output.answer({ id, secret: out, public: `${out}.pub` }, [
    `key ${id}`,
    `  ${out}      secret: it stays on this machine`,
    `  ${out}.pub  public: it goes into the plan`,
  ])
  return await Promise.resolve(EXIT.ok)
}

export interface PrepareOptions {
  readonly repository: string
  readonly out: string
  /** For a root. */
  readonly plan?: string
  /** For targets: `PATH=FILE`, and for how many days. */
  readonly add: readonly string[]
  readonly expiresInDays: number
}

export async function keysPrepare(call: Call, options: PrepareOptions): Promise<ExitCode> {
  const folder = new RepositoryFolder(options.repository)
  const document =
    options.plan === undefined
      ? await nextTargets(folder, options)
      : prepareRoot((await folder.roots()).at(-1), readPlan(options.plan, Date.now()))
  writeNew(options.out, json({ signatures: [], signed: document }))
  const digest = documentDigest(document)
  call.output.answer({ file: options.out, digest, type: document['_type'], version: document['version'] }, [
    `prepared in ${options.out}`,
    `every signer compares this before signing: ${digest}`,
  ])
  return EXIT.ok
}

async function nextTargets(folder: RepositoryFolder, options: PrepareOptions): Promise<JsonObject> {
  const current = await folder.newest('targets')
  const version = 1 + (current === undefined ? 0 : readTargets(current, 'targets').content.version)
  const document = targetsDocument({ version, expiresMs: Date.now() + options.expiresInDays * DAY_MS }, {})
  const before =
    current === undefined
      ? {}
      : (JSON.parse(new TextDecoder().decode(current)) as { signed: JsonObject }).signed
  const added: (readonly [string, TargetDocument])[] = []
  for (const word of options.add) {
    const cut = word.indexOf('=')
    if (cut < 1) throw new TufRefused('malformed', 'targets', `'${word}' is not PATH=FILE`)
    const [path, bytes] = [word.slice(0, cut), readBytes(word.slice(cut + 1))]
    await folder.addTarget(path, bytes)
    added.push([path, targetOf(bytes)])
  }
  const targets = { ...(before['targets'] as JsonObject | undefined), ...Object.fromEntries(added) }
  return { ...before, ...document, targets }
}

export async function keysSign(
  call: Call,
  file: string,
  options: { key: string; out: string },
): Promise<ExitCode> {
  const document = readDocument(file)
  const signature = signDetached(document, readKey(options.key))
  writeNew(options.out, json(signature))
  call.output.answer({ file: options.out, keyid: signature.keyid, over: signature.over }, [
    ...whatIsSigned(document),
    `signed ${signature.over} with key ${signature.keyid}`,
    `the signature is in ${options.out}`,
  ])
  return await Promise.resolve(EXIT.ok)
}

/** What a signer puts a name to, in words. */
function whatIsSigned(document: JsonObject): readonly string[] {
  const text = (field: string): string => JSON.stringify(document[field] ?? null)
  const { targets } = document
  const listed = Object.entries((targets ?? {}) as Readonly<Record<string, TargetDocument>>)
  return [
    `${text('x-starling-role' in document ? 'x-starling-role' : '_type')} ${text('version')}, until ${text('expires')}`,
    ...listed.map(([path, { hashes }]) => `  ${path}  SHA-256 ${hashes.sha256}`),
  ]
}

export async function keysAssemble(
  call: Call,
  file: string,
  options: { readonly signatures: readonly string[]; readonly repository: string; readonly out: string },
): Promise<ExitCode> {
  const document = readDocument(file)
  const roots = await new RepositoryFolder(options.repository).roots()
  const signatures = options.signatures.map(readSignature)
  const bytes = assemble(document, signatures, requiredFor(document, roots))
  writeNew(options.out, bytes)
  call.output.answer({ file: options.out, signatures: signatures.length }, [
    `${options.out} has every signature that it needs (${signatures.length} given)`,
  ])
  return EXIT.ok
}

function requiredFor(document: JsonObject, roots: readonly Uint8Array[]): readonly Required[] {
  const current = roots.at(-1)
  if (document['_type'] === 'root') return requiredForRoot(document, current)
  if (current === undefined)
    throw new TufRefused('not_listed', 'root', 'no root is published in this repository yet')
  return [{ who: 'targets', signers: readRoot(current).content.roles.targets }]
}

export class WhereToPublish extends StarlingError {
  override readonly code = 'where_to_publish'

  constructor() {
    super('it is not said where to publish', {
      remedy: 'Give --repository DIR and one file, or --centre image|director and the files.',
    })
  }
}

export interface PublishOptions {
  readonly repository: string
  /** The oldest root that a device of the fleet trusts; without it, version 1 of the repository. */
  readonly oldest?: string
}

/** Says whether a device that trusts the oldest root gets to the newest, `file` included when it is one. */
export async function keysRehearse(call: Call, file: string, options: PublishOptions): Promise<ExitCode> {
  const { root, from } = await rehearsed(file, options)
  const { version } = readRoot(root).content
  call.output.answer({ from, to: version }, [
    `a device that trusts root ${from} follows to root ${version}, one by one`,
  ])
  return EXIT.ok
}

export async function keysPublish(
  call: Call,
  file: string,
  options: PublishOptions & { readonly snapshotKey?: string; readonly timestampKey?: string },
): Promise<ExitCode> {
  const folder = new RepositoryFolder(options.repository)
  const { root } = await rehearsed(file, options)
  const bytes = readBytes(file)
  const isRoot = readDocument(file)['_type'] === 'root'
  const changed = new Map<string, Uint8Array>(isRoot ? [] : [['targets', bytes]])
  const files = await folder.files(root, changed)
  const online =
    options.snapshotKey === undefined || options.timestampKey === undefined || files.roles.size === 0
      ? []
      : publication(
          files,
          { snapshot: [readKey(options.snapshotKey)], timestamp: [readKey(options.timestampKey)] },
          { nowMs: Date.now(), snapshotMs: SNAPSHOT_DAYS * DAY_MS, timestampMs: TIMESTAMP_DAYS * DAY_MS },
        )
  if (!isRoot && online.length === 0)
    throw new TufRefused(
      'unsigned',
      'snapshot',
      'targets are published with --snapshot-key and --timestamp-key',
    )
  const name = metadataName('root', readRoot(root).content.version)
  const all = [...(isRoot ? [{ name, bytes }] : []), ...online]
  await folder.add(all)
  call.output.answer({ published: all.map((added) => added.name) }, [
    'published:',
    ...all.map((added) => `  ${added.name}`),
  ])
  return EXIT.ok
}

async function rehearsed(file: string, options: PublishOptions): Promise<{ root: Uint8Array; from: number }> {
  const published = await new RepositoryFolder(options.repository).roots()
  const isRoot = readDocument(file)['_type'] === 'root'
  const bytes = readBytes(file)
  // Publishing once more what a crash cut short is no new version.
  const isNew = isRoot && !Buffer.from(bytes).equals(published.at(-1) ?? new Uint8Array())
  const chain = isNew ? [...published, bytes] : published
  const newest = chain.at(-1)
  const oldest = options.oldest === undefined ? chain[0] : readFileSync(options.oldest)
  if (newest === undefined || oldest === undefined)
    throw new TufRefused('not_listed', 'root', 'no root is published in this repository yet')
  rehearseRoots(oldest, chain, Date.now())
  if (!isRoot) {
    const required = [{ who: 'targets', signers: readRoot(newest).content.roles.targets }]
    assemble(readDocument(file), signaturesIn(file), required)
  }
  return { root: newest, from: readRoot(oldest).content.version }
}

/** The signatures of an assembled file, to be checked once more against the root that is published now. */
function signaturesIn(file: string): readonly { keyid: string; sig: string; over: string }[] {
  const over = documentDigest(readDocument(file))
  const { signatures } = readTargets(readBytes(file), 'targets')
  return Array.from(signatures, ([keyid, sig]) => ({ keyid, sig, over }))
}
