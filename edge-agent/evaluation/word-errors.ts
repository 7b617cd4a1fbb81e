/** Word errors by the least number of edits (Levenshtein), as WER is defined. */
export interface WordErrors {
  /** Words that were said. */
  readonly words: number
  readonly insertions: number
  readonly deletions: number
  readonly substitutions: number
  /** For each heard word, whether it is one that was said there. */
  readonly heardRight: readonly boolean[]
}

export function wordErrors(said: readonly string[], heard: readonly string[]): WordErrors {
  const width = heard.length + 1
  const cost = new Uint32Array((said.length + 1) * width)
  for (let i = 0; i <= said.length; i++)
    for (let j = 0; j <= heard.length; j++)
      cost[i * width + j] =
        i === 0 || j === 0
          ? i + j
          : Math.min(
              (cost[(i - 1) * width + j - 1] as number) + (said[i - 1] === heard[j - 1] ? 0 : 1),
              (cost[(i - 1) * width + j] as number) + 1,
              (cost[i * width + j - 1] as number) + 1,
            )
  return traceBack(said, heard, cost)
}

function traceBack(said: readonly string[], heard: readonly string[], cost: Uint32Array): WordErrors {
  const width = heard.length + 1
  const at = (i: number, j: number): number => cost[i * width + j] as number
  const heardRight = heard.map(() => false)
  let [insertions, deletions, substitutions] = [0, 0, 0]
  let i = said.length
  let j = heard.length
  while (i > 0 || j > 0) {
    const same = i > 0 && j > 0 && said[i - 1] === heard[j - 1]
    if (i > 0 && j > 0 && at(i, j) === at(i - 1, j - 1) + (same ? 0 : 1)) {
      if (!same) substitutions++
      heardRight[j - 1] = same
      i--
      j--
    } else if (i > 0 && at(i, j) === at(i - 1, j) + 1) {
      deletions++
      i--
    } else {
      insertions++
      j--
    }
  }
  return { words: said.length, insertions, deletions, substitutions, heardRight }
}
