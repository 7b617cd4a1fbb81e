/** What a delta may cost the device that reads it. */
export interface DeltaLimits {
  readonly maxOutputBytes: number
  readonly maxParts: number
  readonly maxTensors: number
}

/** The largest bundle; more parts and tensors than any model on a phone-class device has. */
export const DELTA_LIMITS: DeltaLimits = {
  maxOutputBytes: 256 * 1024 * 1024,
  maxParts: 32_768,
  maxTensors: 16_384,
}

/** Coded and decoded in pieces: models are kept from one to the next, so that the length of a piece costs nothing. */
export const PIECE_BYTES = 32 * 1024
/** Coded bytes that one piece may take at most: an encoder makes no more. */
export const WINDOW_BYTES = 256 * 1024
/** Bytes that are copied at once. */
export const COPY_BYTES = 128 * 1024
/** The list of parts may take this much for each part that is allowed: a part is some numbers of a few bytes. */
export const MAX_BYTES_A_PART = 32
