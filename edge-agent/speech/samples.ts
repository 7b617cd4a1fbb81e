/** Mono samples: floats with full scale 1, or 16-bit integers. */
export type Samples = Float32Array | Int16Array

/** A fresh array of floats, whose buffer may be handed to another thread. */
export function asFloat(samples: Samples): Float32Array<ArrayBuffer> {
  const out = new Float32Array(samples.length)
  const scale = samples instanceof Int16Array ? 1 / 32_768 : 1
  for (let i = 0; i < samples.length; i++) {
    const value = (samples[i] as number) * scale
    // A broken capture must not poison the filters that every later frame goes through.
    out[i] = Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : 0
  }
  return out
}
