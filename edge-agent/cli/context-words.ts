/** `starling context`: its commands and their options. */
import { Argument, type Command } from 'commander'
import { CONTEXT_TABLES } from '../../shared/context/tables.ts'
import type { CommonOptions } from './call.ts'
import { addConflicts } from './conflict-words.ts'
import { common, type Run } from './words.ts'

export function addContext(program: Command, run: Run): void {
  const context = program
    .command('context')
    .description('the copy of the centre’s data that the device works with')
  common(context.command('status'))
    .description('tables, rows, how far behind, how old, what was fetched')
    .action(async (options: CommonOptions) => {
      const { contextStatus } = await import('./commands/context.ts')
      await run(async (call) => await contextStatus(call))(options)
    })
  common(context.command('resync'))
    .description('fetch tables anew; the old copy is shown until the new one is whole')
    .addArgument(tables())
    .action(async (named: readonly string[], options: CommonOptions) => {
      const { contextResync } = await import('./commands/context.ts')
      await run(async (call) => await contextResync(call, named))(options)
    })
  common(context.command('verify'))
    .description('compare with the centre’s, at the same transaction; exit code 1 where it differs')
    .addArgument(tables())
    .action(async (named: readonly string[], options: CommonOptions) => {
      const { contextVerify } = await import('./commands/context.ts')
      await run(async (call) => await contextVerify(call, named))(options)
    })
  addConflicts(context, run)
}

function tables(): Argument {
  return new Argument('[table...]', 'all where none is named').choices(CONTEXT_TABLES)
}
