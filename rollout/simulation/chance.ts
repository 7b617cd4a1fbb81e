/** The distributions that a simulated fleet draws from, each out of a stream of numbers from 0 up to 1. */

/** The time to the next event of a process with that mean. Infinite for an infinite mean. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean
}

/** About normal with mean 0 and deviation 1: the sum of twelve even ones (Irwin and Hall). */
export function normal(random: () => number): number {
  let sum = -6
  for (let at = 0; at < 12; at += 1) sum += random()
  return sum
}

/** How many of `count` happen, each with that chance: exactly where they are few, by the normal law where they are many. */
export function binomial(random: () => number, count: number, chance: number): number {
  if (count > 60) {
    const mean = count * chance
    const drawn = Math.round(mean + normal(random) * Math.sqrt(mean * (1 - chance)))
    return Math.min(count, Math.max(0, drawn))
  }
  let happened = 0
  for (let at = 0; at < count; at += 1) if (random() < chance) happened += 1
  return happened
}
