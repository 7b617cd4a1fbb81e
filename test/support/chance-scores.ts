/** Scores of senones that mean nothing, the same for a seed: `spread` nats to either side of nought. Filled anew for each frame. */
export function* chanceScores(
  senones: number,
  o: { readonly seed: number; readonly spread: number; readonly frames: number },
): Generator<Float32Array> {
  let state = o.seed
  const scores = new Float32Array(senones)
  for (let t = 0; t < o.frames; t++) {
    for (let i = 0; i < senones; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
      scores[i] = (o.spread * state) / 2 ** 31
    }
    yield scores
  }
}
