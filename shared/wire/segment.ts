/**
 * A segment: one sealed run of a device's journal as one message. One publish for up to 64 records instead of 64, deflated:
 * JSON records one by one cost 1.4 times their size on the wire, segments 0.05 to 0.25.
 *
 * Bytes: `SLS1`, then raw DEFLATE of the JSON of {@link SegmentSchema}. Inflating is capped, so that a small message cannot
 * become a large one in memory.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { JournalRecordSchema, SEAL_EVERY_RECORDS } from '../journal/record.ts'
import { SealSchema } from '../journal/seal.ts'
import { describeIssues } from './answer.ts'

/** A leaf link carries 1 MiB; before 2.15 an oversize message closes the link again and again. */
const MAX_SEGMENT_BYTES = 900 * 1024
/** Inflated: a run's records (600 KB) twice, for the run that names a gap may travel along. */
const MAX_SEGMENT_JSON_BYTES = 2 * 1024 * 1024
const MAGIC = Buffer.from('SLS1')

const RunSchema = v.strictObject({
  seal: SealSchema,
  records: v.pipe(v.array(JournalRecordSchema), v.minLength(1), v.maxLength(SEAL_EVERY_RECORDS)),
})

export const SegmentSchema = v.strictObject({
  v: v.literal(1),
  seal: RunSchema.entries.seal,
  records: RunSchema.entries.records,
  /** The run that holds the signed gap record, where this segment does not follow on what was sent before. */
  gapRun: v.nullable(RunSchema),
})
export type Segment = v.InferOutput<typeof SegmentSchema>

export type SegmentFault = 'oversized' | 'malformed' | 'unknown_version'

export class BadSegment extends StarlingError {
  override readonly code = 'bad_segment'
  readonly fault: SegmentFault

  constructor(fault: SegmentFault, why: string, cause?: unknown) {
    super(`the segment is refused: ${why}`, {
      remedy: 'Check that device and centre run versions that speak the same protocol.',
      details: { fault },
      cause,
    })
    this.fault = fault
  }
}

/** Throws {@link BadSegment} (`oversized`) for a run that no link carries. */
export function encodeSegment(segment: Segment): Uint8Array {
  const json = Buffer.from(JSON.stringify(segment))
  if (json.length > MAX_SEGMENT_JSON_BYTES)
    throw new BadSegment('oversized', `its JSON has ${json.length} bytes`)
  const bytes = Buffer.concat([MAGIC, deflateRawSync(json, { level: 6 })])
  if (bytes.length > MAX_SEGMENT_BYTES) throw new BadSegment('oversized', `it has ${bytes.length} bytes`)
  return bytes
}

/** Parses bytes from outside. Throws {@link BadSegment}. Nothing in it is verified yet. */
export function decodeSegment(bytes: Uint8Array): Segment {
  if (bytes.length > MAX_SEGMENT_BYTES) throw new BadSegment('oversized', `it has ${bytes.length} bytes`)
  const magic = Buffer.from(bytes.subarray(0, MAGIC.length))
  if (!magic.equals(MAGIC)) {
    const isOurs = magic.subarray(0, 3).equals(MAGIC.subarray(0, 3))
    if (isOurs) throw new BadSegment('unknown_version', 'its version is not known here')
    throw new BadSegment('malformed', 'it does not begin like a segment')
  }
  const value = inflated(bytes.subarray(MAGIC.length))
  if (typeof value === 'object' && value !== null && 'v' in value && value.v !== 1)
    throw new BadSegment('unknown_version', 'its version is not known here')
  const parsed = v.safeParse(SegmentSchema, value)
  if (!parsed.success) throw new BadSegment('malformed', describeIssues(parsed.issues))
  return parsed.output
}

function inflated(bytes: Uint8Array): unknown {
  let text: string
  try {
    const json = inflateRawSync(bytes, { maxOutputLength: MAX_SEGMENT_JSON_BYTES })
    text = new TextDecoder('utf-8', { fatal: true }).decode(json)
  } catch (cause) {
    const isLarge = cause instanceof RangeError
    throw new BadSegment(
      isLarge ? 'oversized' : 'malformed',
      'it does not inflate to a text in bounds',
      cause,
    )
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new BadSegment('malformed', 'it is not JSON', cause)
  }
}
