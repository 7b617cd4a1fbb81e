/** The words of `starling rollout`: what they take. */
import { InvalidArgumentError, type Command } from 'commander'
import type { CommonOptions } from './call.ts'
import type { SimulateOptions } from './commands/rollout-simulate.ts'
import { common, wholeNumber, type Run } from './words.ts'

export function addRollout(program: Command, run: Run): void {
  const rollout = program.command('rollout').description('bring a bundle to the fleet, ring by ring')
  addSimulate(rollout, run)
}

function addSimulate(rollout: Command, run: Run): void {
  common(rollout.command('simulate'))
    .description(
      'a whole campaign over a fleet that a seed makes, on a virtual clock; the same seed prints the same bytes',
    )
    .requiredOption('--devices <n>', 'how many', wholeNumber(1, 1_000_000))
    .requiredOption('--seed <n>', 'which fleet, and what befalls it', wholeNumber(0, 2 ** 31))
    .option(
      '--regression <x>',
      'how many times as often the candidate fails as what it replaces',
      from(0, 100),
      1,
    )
    .option('--offline <share>', 'share of devices that is offline at any moment', from(0, 0.95), 0.05)
    .option(
      '--drift <x>',
      'by how much of the usual rate it fails more often with each day that it runs',
      from(0, 100),
      0,
    )
    .option(
      '--crash-loop <share>',
      'share of devices on which it kills its process when loaded',
      from(0, 1),
      0,
    )
    .option('--clock-jumps <n>', "how often a day the centre's clock jumps, up to a year", from(0, 24), 0)
    .option(
      '--rings <shares>',
      'shares of the rings, the last one 1: 0.01,0.1,1 (default: as is usual for such a fleet)',
      shares,
    )
    .option('--emergency', 'the emergency path: fewer rings, short waiting', false)
    .action(async (options: CommonOptions & SimulateOptions) => {
      const { rolloutSimulate } = await import('./commands/rollout-simulate.ts')
      await run(async (call) => await rolloutSimulate(call, options))(options)
    })
}

function from(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= least && value <= most) return value
    throw new InvalidArgumentError(`A number from ${least} to ${most}.`)
  }
}

function shares(text: string): readonly number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const isRising = values.every((share, at) => share > (values[at - 1] ?? 0) && share <= 1)
  if (isRising && values.at(-1) === 1 && values.length <= 12) return values
  throw new InvalidArgumentError('Shares that rise to 1, 12 at most: 0.01,0.1,1.')
}
