/** Adds noise at a signal-to-noise ratio taken over the whole recording; the noise is repeated when it is shorter. */
export function mixAt(
  signal: Float32Array,
  noise: Float32Array,
  o: { snrDb: number; offset: number },
): Float32Array {
  let signalPower = 0
  let noisePower = 0
  const at = (i: number) => noise[(i + o.offset) % noise.length] ?? 0
  for (let i = 0; i < signal.length; i++) {
    signalPower += (signal[i] ?? 0) ** 2
    noisePower += at(i) ** 2
  }
  const gain = Math.sqrt(signalPower / Math.max(noisePower, 1e-20) / 10 ** (o.snrDb / 10))
  return signal.map((value, i) => value + gain * at(i))
}
