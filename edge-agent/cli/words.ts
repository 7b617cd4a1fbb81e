/** The words that several commands share: options, how their values are read, and how a command is run. */
import { InvalidArgumentError, type Command } from 'commander'
import type { Call, CommonOptions } from './call.ts'
import type { ExitCode } from './output.ts'

/** Runs one command and keeps its exit code; what it throws is printed in the form that was asked for. */
export type Run = <A extends unknown[]>(
  use: (call: Call, ...rest: A) => Promise<ExitCode>,
) => (options: CommonOptions, ...rest: A) => Promise<void>

export function common(command: Command): Command {
  return command
    .option('--data <dir>', 'the data folder (default: STARLING_HOME, else ~/.starling)')
    .option('--json', 'answer in JSON on standard output')
    .exitOverride()
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`)
  }
}

export function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

export function decibels(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= -30 && value <= 100) return value
  throw new InvalidArgumentError('Decibels from -30 to 100.')
}
