/** Where each installation stands, on the disk: one small file a bundle, replaced whole at every transition. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { INSTALL_STEPS, type InstallState, type InstallStep } from '../../rollout/install.ts'
import { BundleNameSchema, MAX_MANIFEST_ENVELOPE_BYTES, VersionSchema } from '../../shared/wire/bundle.ts'
import { DesiredBundleSchema, TransferSchema } from '../../shared/wire/state.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'
import { nullIfUnreadable } from '../models-store/disk-trouble.ts'

const InstallSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  envelopeSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  envelopeSizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_MANIFEST_ENVELOPE_BYTES)),
  slot: v.picklist(['a', 'b']),
  offer: DesiredBundleSchema.entries.offer,
  shadow: DesiredBundleSchema.entries.shadow,
  returnFrom: DesiredBundleSchema.entries.returnFrom,
  fullOnMetered: DesiredBundleSchema.entries.fullOnMetered,
  transfer: TransferSchema,
  attempt: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
})
const FailureSchema = v.strictObject({
  step: v.picklist(INSTALL_STEPS),
  code: v.string(),
  message: v.string(),
})
/** Files of the first form hold no deadline. */
const Deadline = v.optional(v.nullable(v.number()), null)
const step = <K extends InstallStep>(kind: K) =>
  v.strictObject({
    kind: v.literal(kind),
    install: InstallSchema,
    restarts: v.number(),
    confirmByMs: Deadline,
  })

const StateSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('IDLE') }),
  step('CHECK'),
  step('PLAN'),
  step('FETCH'),
  step('ASSEMBLE'),
  step('VERIFY'),
  step('SMOKE'),
  step('SHADOW'),
  step('ACTIVATE'),
  step('CONFIRM'),
  v.strictObject({ kind: v.literal('COMMITTED'), install: InstallSchema }),
  v.strictObject({ kind: v.literal('ROLLBACK'), install: InstallSchema, failure: FailureSchema }),
  v.strictObject({ kind: v.literal('REPORT'), install: InstallSchema, failure: FailureSchema }),
  v.strictObject({ kind: v.literal('PARKED'), install: InstallSchema, failure: FailureSchema }),
  v.strictObject({
    kind: v.literal('DEFERRED'),
    install: InstallSchema,
    step: v.picklist(INSTALL_STEPS),
    reason: v.string(),
    restarts: v.optional(v.number(), 0),
    confirmByMs: Deadline,
  }),
])

const EntrySchema = v.strictObject({
  v: v.literal(1),
  state: StateSchema,
  /** The last install that was given up, so that it is reported, and the same bytes are not tried for ever. */
  refused: v.nullable(
    v.strictObject({
      install: InstallSchema,
      failure: FailureSchema,
      /** By the device's clock; absent in files of the form before. */
      atMs: v.exactOptional(v.number()),
    }),
  ),
})
export interface InstallEntry {
  readonly state: InstallState
  readonly refused: v.InferOutput<typeof EntrySchema>['refused']
}

export interface InstallJournal {
  /** IDLE when nothing (or nothing readable) was written: an install that nobody can read starts anew from CHECK. */
  read(name: string): Promise<InstallEntry>
  write(name: string, entry: InstallEntry): Promise<void>
  names(): Promise<readonly string[]>
}

export function openInstallJournal(folder: string, disk: Disk): InstallJournal {
  const path = (name: string): string => join(folder, `${name}.json`)
  return {
    read: async (name) => {
      const text = await readFile(path(name), 'utf8').catch(nullIfUnreadable)
      let value: unknown = null
      try {
        value = JSON.parse(text ?? 'null')
      } catch {
        // Falls through to the schema, which refuses null: the entry counts as unreadable.
      }
      const parsed = v.safeParse(EntrySchema, value)
      return parsed.success ? parsed.output : { state: { kind: 'IDLE' }, refused: null }
    },
    write: async (name, entry) => {
      await replaceFile(
        disk,
        path(name),
        new TextEncoder().encode(JSON.stringify({ v: 1, state: entry.state, refused: entry.refused })),
      )
    },
    names: async () => {
      const files = await readdir(folder).catch(nullIfUnreadable)
      return (files ?? [])
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
    },
  }
}
