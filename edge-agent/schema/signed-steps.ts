/** A list of schema steps out of a slot, believed only as far as its bundle's signature goes, read again each time. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { openManifest } from '../../rollout/manifest.ts'
import type { SchemaRefusal } from '../../rollout/schema-plan.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import type { BundleManifest } from '../../shared/wire/bundle.ts'
import { SCHEMA_STEPS_FILE, SchemaStepsSchema, type SchemaSteps } from '../../shared/wire/schema-steps.ts'
import { GOLDEN_FORM_FILE, GoldenFormSchema, type GoldenForm } from './form.ts'

export class SchemaRefused extends StarlingError {
  override readonly code: string
  readonly reason: SchemaRefusal

  constructor(reason: SchemaRefusal, detail: string) {
    super(`the schema steps were refused (${reason}): ${detail}`, {
      remedy:
        'Nothing was changed. Publish a list that is signed, holds every earlier step unchanged, and adds its own at the end.',
    })
    this.code = `schema_${reason}`
    this.reason = reason
  }
}

export interface SignedSteps {
  /** Of the bundle. */
  readonly version: string
  readonly list: SchemaSteps
  /** What the list makes of a database. */
  readonly golden: GoldenForm
}

export interface ReleaseTrust {
  readonly releaseKeys: readonly PublicKey[]
  readonly threshold: number
}

/** Throws {@link SchemaRefused}: `unsigned`, `edited` or `malformed`; and the disk's own error where a file cannot be read. */
export async function readSignedSteps(dir: string, trust: ReleaseTrust): Promise<SignedSteps> {
  const envelope = await fileIn(dir, 'manifest.dsse.json')
  if (envelope === null) throw new SchemaRefused('unsigned', 'there is no signed manifest beside it')
  const opened = openManifest(envelope, trust)
  if (opened.kind === 'refused') throw new SchemaRefused('unsigned', opened.detail)
  const { manifest } = opened
  return {
    version: manifest.version,
    list: await signedFile({ dir, manifest, path: SCHEMA_STEPS_FILE }, SchemaStepsSchema),
    golden: await signedFile({ dir, manifest, path: GOLDEN_FORM_FILE }, GoldenFormSchema),
  }
}

async function signedFile<S extends v.GenericSchema>(
  { dir, manifest, path }: { readonly dir: string; readonly manifest: BundleManifest; readonly path: string },
  schema: S,
): Promise<v.InferOutput<S>> {
  const named = manifest.files.find((file) => file.path === path)
  if (named === undefined) throw new SchemaRefused('malformed', `the bundle holds no ${path}`)
  const bytes = await fileIn(dir, path)
  if (bytes === null) throw new SchemaRefused('malformed', `the bundle names ${path}, which is not there`)
  if (sha256Hex(bytes) !== named.sha256)
    throw new SchemaRefused('edited', `${path} is not the file that was signed`)
  const parsed = v.safeParse(schema, jsonOf(bytes))
  if (!parsed.success) throw new SchemaRefused('malformed', `${path}: ${describeIssues(parsed.issues)}`)
  return parsed.output
}

/** Null where there is no such file; a file that cannot be read is not one that is missing. */
async function fileIn(dir: string, name: string): Promise<Buffer | null> {
  try {
    return await readFile(join(dir, name))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // The schema refuses it.
  }
}
