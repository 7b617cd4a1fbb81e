/** `starling domain`: its commands and their options. */
import type { Command } from 'commander'
import type { CommonOptions } from './call.ts'
import { common, type Run } from './words.ts'

export function addDomain(program: Command, run: Run): void {
  const domain = program.command('domain').description('what can be said: from a file to what a device runs')
  common(domain.command('build'))
    .description('make grammar, pronunciations, intent model and test set from a domain file')
    .argument('<file.yaml>')
    .option('--out <dir>', 'where to (default: NAME.domain here)')
    .action(async (file: string, options: CommonOptions & { readonly out?: string }) => {
      const { domainBuild } = await import('./commands/domain.ts')
      await run(async (call) => await domainBuild(call, file, options))(options)
    })
  common(domain.command('eval'))
    .description('how well sentences are understood: accuracy, confusion, slots, rejection')
    .argument('<file.yaml>')
    .requiredOption('--tests <file.jsonl>', 'a line a sentence: {"text","intent","slots"?}')
    .action(async (file: string, options: CommonOptions & { readonly tests: string }) => {
      const { domainEval } = await import('./commands/domain.ts')
      await run(async (call) => await domainEval(call, file, options))(options)
    })
}
