/** Small symmetric positive definite matrices, row-major, by Cholesky's factor. */

/** Lower factor L of A = L Lᵀ. Returns undefined when the matrix is not positive definite. */
export function cholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j] as number
      for (let k = 0; k < j; k++) sum -= (factor[i * size + k] as number) * (factor[j * size + k] as number)
      if (i !== j) factor[i * size + j] = sum / (factor[j * size + j] as number)
      else if (sum > 0) factor[i * size + i] = Math.sqrt(sum)
      else return undefined
    }
  return factor
}

/** x of (L Lᵀ) x = b. */
export function solveByFactor(factor: Float64Array, b: Float64Array): Float64Array {
  const size = b.length
  const x = Float64Array.from(b)
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - (factor[i * size + k] as number) * (x[k] as number)
    x[i] = (x[i] as number) / (factor[i * size + i] as number)
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++)
      x[i] = (x[i] as number) - (factor[k * size + i] as number) * (x[k] as number)
    x[i] = (x[i] as number) / (factor[i * size + i] as number)
  }
  return x
}

/** The inverse and the logarithm of the determinant of a matrix with the lower factor L. */
export function inverse(
  factor: Float64Array,
  size: number,
): { inverse: Float64Array; logDeterminant: number } {
  const out = new Float64Array(size * size)
  let logDeterminant = 0
  for (let column = 0; column < size; column++) {
    logDeterminant += 2 * Math.log(factor[column * size + column] as number)
    const unit = new Float64Array(size)
    unit[column] = 1
    const solved = solveByFactor(factor, unit)
    for (let row = 0; row < size; row++) out[row * size + column] = solved[row] as number
  }
  return { inverse: out, logDeterminant }
}
