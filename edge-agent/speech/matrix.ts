/** Of square matrices, row-major, that need not be symmetric. */

/** The logarithm of a determinant's size, by elimination with pivots; minus infinity where there is none. */
export function logDeterminant(matrix: Float64Array, size: number): number {
  const left = Float64Array.from(matrix)
  const at = (i: number, j: number): number => left[i * size + j] as number
  let log = 0
  for (let k = 0; k < size; k++) {
    let pivot = k
    for (let i = k + 1; i < size; i++) if (Math.abs(at(i, k)) > Math.abs(at(pivot, k))) pivot = i
    if (at(pivot, k) === 0) return -Infinity
    for (let j = k; j < size; j++) {
      const above = at(k, j)
      left[k * size + j] = at(pivot, j)
      left[pivot * size + j] = above
    }
    log += Math.log(Math.abs(at(k, k)))
    for (let i = k + 1; i < size; i++) {
      const share = at(i, k) / at(k, k)
      for (let j = k; j < size; j++) left[i * size + j] = at(i, j) - share * at(k, j)
    }
  }
  return log
}
