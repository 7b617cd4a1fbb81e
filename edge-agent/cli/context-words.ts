/** `starling context`: its commands and their options. */
import { Argument, type Command } from 'commander'
import { CONTEXT_TABLES } from '../../shared/context/tables.ts'
import type { CommonOptions } from './call.ts'
import { addConflicts } from './conflict-words.ts'
import type { ContextQueryOptions, ContextSearchOptions } from './commands/context-questions.ts'
import { collected, common, wholeNumber, type Run } from './words.ts'

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
  addQuestions(context, run)
}

function tables(): Argument {
  return new Argument('[table...]', 'all where none is named').choices(CONTEXT_TABLES)
}

const AS_OF = ['--as-of <time>', 'what held then, as it was known then: a day or an instant'] as const
const KNOWN_AT = ['--known-at <time>', 'as it was known at another time'] as const

function addQuestions(context: Command, run: Run): void {
  common(context.command('search'))
    .description('by words, by spelling and by meaning at once, among what you may read')
    .argument('<words...>')
    .option('--limit <n>', 'how many', wholeNumber(1, 50), 10)
    .option(...AS_OF)
    .option(...KNOWN_AT)
    .action(async (words: readonly string[], options: CommonOptions & ContextSearchOptions) => {
      const { contextSearch } = await import('./commands/context-questions.ts')
      await run(async (call) => await contextSearch(call, words.join(' '), options))(options)
    })
  common(context.command('query'))
    .description('rows of a table, or a node of the graph with what hangs together with it')
    .argument('<table|node>', 'work_order, node, edge, document, …, or the id of a node')
    .option('--where <column=value>', 'only such rows, may be repeated', collected, [])
    .option('--hops <n>', 'steps from the node (default: 1)', wholeNumber(0, 6))
    .option('--limit <n>', 'how many rows', wholeNumber(1, 500), 100)
    .option(...AS_OF)
    .option(...KNOWN_AT)
    .action(async (of: string, options: CommonOptions & ContextQueryOptions) => {
      const { contextQuery } = await import('./commands/context-questions.ts')
      await run(async (call) => await contextQuery(call, of, options))(options)
    })
}
