/** A model's card: the fields that its bundle's manifest carries; the whole card travels as a file. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { describeIssues } from '../../shared/wire/answer.ts'
import {
  BUNDLE_KINDS,
  VersionSchema,
  type BundleKind,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import { BundleRefused } from './publish.ts'

const CardSchema = v.object({
  /** What the bundle is for, where its files do not say it. */
  kind: v.exactOptional(v.picklist(BUNDLE_KINDS)),
  version: VersionSchema,
  title: v.string(),
  licence: v.string(),
  languages: v.array(v.string()),
  intendedUse: v.string(),
  limits: v.string(),
})

/** Throws {@link BundleRefused} for a card that is missing or says too little. */
export function cardOf(path: string): {
  readonly version: string
  readonly card: BundleManifest['card']
  readonly kind?: BundleKind
} {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw refused('it has no card.json that can be read', cause)
  }
  const parsed = v.safeParse(CardSchema, value)
  if (!parsed.success) throw refused(`its card.json: ${describeIssues(parsed.issues)}`)
  const { version, kind, ...card } = parsed.output
  return { version, card, ...(kind === undefined ? {} : { kind }) }
}

function refused(why: string, cause?: unknown): BundleRefused {
  return new BundleRefused(`the bundle was not published: ${why}`, {
    remedy: 'Write a card.json with version, title, licence, languages, intendedUse and limits.',
    cause,
  })
}
