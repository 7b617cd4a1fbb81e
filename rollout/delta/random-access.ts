/** A file that is read in pieces: the base of a delta, or the delta itself. */
export interface RandomAccess {
  readonly sizeBytes: number
  /** Fills all of `into` with the bytes from `offset` on; throws when it cannot. */
  read(offset: number, into: Uint8Array): Promise<void>
}

/** Bytes that lie in memory already. */
export function inMemory(bytes: Uint8Array): RandomAccess {
  return {
    sizeBytes: bytes.length,
    read: async (offset, into) => {
      if (offset < 0 || offset + into.length > bytes.length) throw new RangeError('read past the end')
      into.set(bytes.subarray(offset, offset + into.length))
    },
  }
}
