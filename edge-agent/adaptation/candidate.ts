/** A candidate: the base model's folder with the adapted model in it, golden vectors of its own, and a card that says where it comes from. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as v from 'valibot'
import { FILES_ABOUT } from '../../rollout/bundle/unsigned-files.ts'
import type { JsonObject } from '../../shared/json.ts'
import { goldenOf } from './golden-vectors.ts'

const Card = v.looseObject({
  name: v.string(),
  version: v.string(),
  title: v.string(),
  licence: v.string(),
  limits: v.string(),
})
export type Card = v.InferOutput<typeof Card>

export function readCard(modelDir: string): Card {
  return v.parse(Card, JSON.parse(readFileSync(join(modelDir, 'card.json'), 'utf8')))
}

/** 1.0.0 -> 1.0.1. */
export function nextVersion(version: string): string {
  const [major = '0', minor = '0', patch = '0'] = version.split('.')
  return `${major}.${minor}.${Number(patch) + 1}`
}

/** Writes the folder anew. `lineage` goes into the card as it is. */
export function writeCandidate(o: {
  readonly baseDir: string
  readonly out: string
  readonly acoustic: Uint8Array
  readonly version: string
  readonly lineage: JsonObject
}): void {
  rmSync(o.out, { recursive: true, force: true })
  // What was signed for the base, or said of it, is not true of the candidate.
  cpSync(o.baseDir, o.out, { recursive: true, filter: (path) => !FILES_ABOUT.includes(basename(path)) })
  const golden = goldenOf(readFileSync(join(o.baseDir, 'golden.json'), 'utf8'), o.acoustic)
  writeFileSync(join(o.out, 'acoustic.onnx'), o.acoustic)
  writeFileSync(join(o.out, 'golden.json'), golden)
  const card = readCard(o.baseDir)
  const next = {
    ...card,
    version: o.version,
    title: `${card.title}; adapted to one site`,
    limits: `${card.limits} Means adapted to the recordings of one site, which stay there; elsewhere it may recognise worse.`,
    adaptation: o.lineage,
  }
  writeFileSync(join(o.out, 'card.json'), `${JSON.stringify(next, null, 2)}\n`)
}
