/** `starling bundle build`, `sign`, `verify`: a bundle as a folder, without a centre and without a network. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { contentChecks, fails, holds, type Check } from '../../../rollout/bundle/examine.ts'
import { openFolder, type FolderBundle } from '../../../rollout/bundle/folder.ts'
import {
  BundleSignatureSchema,
  digestToSign,
  ENVELOPE_FILES,
  signatureChecks,
  signBundle,
  toSign,
  toSignBytes,
  ToSignSchema,
  withSignatures,
  type BundleSignature,
  type SignedFiles,
  type ToSign,
} from '../../../rollout/bundle/signatures.ts'
import { BundleUnfit } from '../../../rollout/bundle/unfit.ts'
import { MANIFEST_FILE, MODEL_SIGNATURE_FILE, TO_SIGN_FILE } from '../../../rollout/bundle/unsigned-files.ts'
import type { Environment } from '../../../shared/kernel/contract.ts'
import { describeIssues } from '../../../shared/wire/answer.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { trustOf } from './bundle-trust.ts'
import {
  FolderRefused,
  nameOf,
  readFolder,
  readSource,
  writeBundleFolder,
  writeInto,
} from './folder-files.ts'
import { json, readKey, writeNew } from './key-files.ts'

export interface BuildOptions {
  readonly out?: string
  readonly name?: string
  readonly asVersion?: string
  readonly environment: Environment
}

export async function bundleBuild(call: Call, folder: string, options: BuildOptions): Promise<ExitCode> {
  const files = await readSource(folder, options.asVersion)
  if (files.has(MANIFEST_FILE)) throw new BundleUnfit('bundle_refused', `${folder} is a built bundle already`)
  const { environment, name = nameOf(folder) } = options
  const bundle = openFolder(files, { name, environment, nowMs: Date.now() })
  const { manifest, payload } = bundle
  const out = options.out ?? `${name}-${manifest.version}.bundle`
  const document = toSign(bundle)
  writeBundleFolder(
    out,
    new Map([...bundle.files, [MANIFEST_FILE, payload], [TO_SIGN_FILE, toSignBytes(document)]]),
  )
  // It is written either way: what is wrong with it is easier seen than told.
  const checks = contentChecks(manifest, bundle.held)
  const digest = digestToSign(document)
  const answer = {
    name,
    version: manifest.version,
    environment,
    out,
    files: manifest.files.length,
    digest,
    checks,
  }
  call.output.answer(answer, [
    `built ${name} ${manifest.version} for ${environment}: ${out} (${manifest.files.length} files)`,
    ...checks.filter(({ fault }) => fault !== null).map(lineOf),
    `every signer compares this before signing: ${digest}`,
  ])
  return exitOf(checks)
}

export interface SignOptions {
  readonly key: readonly string[]
  readonly signature: readonly string[]
  readonly out?: string
}

export async function bundleSign(call: Call, path: string, options: SignOptions): Promise<ExitCode> {
  const isFolder = statOf(path)
  const bundle = isFolder ? openBuilt(path) : null
  const document = bundle === null ? readAs(path, ToSignSchema) : toSign(bundle)
  const made = options.key.map((file) => signBundle(document, readKey(file)))
  return await Promise.resolve(
    options.out === undefined
      ? attach(call, { folder: bundle === null ? null : path, document, made, options })
      : apart(call, { document, made, out: options.out }),
  )
}

/** The one signature of the one key, to be carried back to where the bundle lies. */
function apart(
  call: Call,
  { document, made, out }: { document: ToSign; made: readonly BundleSignature[]; out: string },
): ExitCode {
  const [signature] = made
  if (signature === undefined || made.length !== 1)
    throw new BundleUnfit('bundle_refused', '--out takes the signature of one --key')
  writeNew(out, json(signature))
  const { bundle, version } = document
  call.output.answer({ file: out, over: signature.over, bundle, version, signs: namesOf(signature) }, [
    `signed ${namesOf(signature).join(', ')} of ${bundle} ${version}, ${signature.over}`,
    `the signature is in ${out}`,
  ])
  return EXIT.ok
}

function attach(
  call: Call,
  of: { folder: string | null; document: ToSign; made: readonly BundleSignature[]; options: SignOptions },
): ExitCode {
  const { folder, document, made, options } = of
  if (folder === null)
    throw new BundleUnfit(
      'bundle_refused',
      `without --out, the bundle's folder is signed, not ${TO_SIGN_FILE}`,
    )
  const brought = options.signature.map((file) => readAs(file, BundleSignatureSchema))
  if (made.length + brought.length === 0)
    throw new BundleUnfit('bundle_refused', 'nothing signs: give --key or --signature')
  const signed = withSignatures(document, [...made, ...brought], signedFilesIn(readFolder(folder)))
  writeInto(folder, signed)
  call.output.answer({ folder, over: digestToSign(document), files: [...signed.keys()] }, [
    `${folder} is signed: ${[...signed.keys()].join(', ')}`,
  ])
  return EXIT.ok
}

export interface VerifyOptions {
  readonly key: readonly string[]
  readonly threshold: number
  readonly environment?: Environment
}

export async function bundleVerify(call: Call, folder: string, options: VerifyOptions): Promise<ExitCode> {
  const files = readFolder(folder)
  const bundle = openBuilt(folder)
  const { manifest, held } = bundle
  const trust = trustOf(call.home, options.key, options.threshold)
  const checks = [
    ...signatureChecksOf(bundle, files, trust),
    ...contentChecks(manifest, held),
    environmentCheck(bundle, options.environment ?? null),
  ]
  const failed = checks.filter(({ fault }) => fault !== null)
  const { name, version, environment } = manifest
  call.output.answer({ name, version, environment, holds: failed.length === 0, checks }, [
    `${name} ${version} for ${environment}`,
    ...checks.map(lineOf),
    failed.length === 0 ? 'everything holds' : `${failed.length} of ${checks.length} checks do not hold`,
  ])
  return await Promise.resolve(exitOf(checks))
}

function signatureChecksOf(
  bundle: FolderBundle,
  signed: SignedFiles,
  trust: Parameters<typeof signatureChecks>[2],
): readonly Check[] {
  try {
    return signatureChecks(bundle, signed, trust)
  } catch (thrown) {
    // A statement is gone: there is nothing that could have been signed, which is one more check that fails.
    if (!(thrown instanceof BundleUnfit)) throw thrown
    return [fails('signatures', 'what is to be signed', 'signature_refused', thrown.message)]
  }
}

function environmentCheck({ manifest }: FolderBundle, wanted: Environment | null): Check {
  const looked = wanted === null ? `for ${manifest.environment}; none was asked for` : `for ${wanted}`
  return wanted === null || wanted === manifest.environment
    ? holds('environment', looked)
    : fails('environment', looked, 'bundle_foreign_environment', `it is for ${manifest.environment}`)
}

/** A built folder; throws `BundleUnfit` for one that has no manifest, or one in no form. */
export function openBuilt(folder: string): FolderBundle {
  const files = readFolder(folder)
  if (!files.has(MANIFEST_FILE))
    throw new BundleUnfit('bundle_refused', `${folder} is no built bundle: it has no ${MANIFEST_FILE}`)
  return openFolder(files, { name: nameOf(folder), environment: 'development', nowMs: 0 })
}

function signedFilesIn(files: ReadonlyMap<string, Uint8Array>): SignedFiles {
  const names = [...ENVELOPE_FILES.map(([, file]) => file), MODEL_SIGNATURE_FILE]
  return new Map([...files].filter(([path]) => names.includes(path)))
}

function namesOf({ signatures }: BundleSignature): readonly string[] {
  return signatures.map(({ name }) => name)
}

function lineOf({ check, looked, fault }: Check): string {
  return fault === null
    ? `  ok      ${check.padEnd(21)} ${looked}`
    : `  REFUSED ${check.padEnd(21)} (${fault.code}) ${fault.detail}`
}

function exitOf(checks: readonly Check[]): ExitCode {
  return checks.every(({ fault }) => fault === null) ? EXIT.ok : EXIT.refused
}

function statOf(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (cause) {
    throw new FolderRefused(`${path} cannot be read`, {
      remedy: `Give a built folder, or its ${TO_SIGN_FILE}.`,
      cause,
    })
  }
}

function readAs<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> {
  let value: unknown = null
  try {
    value = JSON.parse(readFileSync(join(path), 'utf8'))
  } catch (cause) {
    throw new FolderRefused(`${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the file that starling bundle build or sign wrote.',
      cause,
    })
  }
  const parsed = v.safeParse(schema, value)
  if (!parsed.success) throw new BundleUnfit('bundle_refused', `${path}: ${describeIssues(parsed.issues)}`)
  return parsed.output
}
