/** `starling context conflicts` and `undo`: changes that are not through, and what a person decides about them. */
import { Option, type Command } from 'commander'
import type { Take } from '../context/write-performers.ts'
import type { CommonOptions } from './call.ts'
import { common, type Run } from './words.ts'

export function addConflicts(context: Command, run: Run): void {
  const conflicts = common(context.command('conflicts'))
    .description(
      'changes that others made too, and changes that the centre did not take; both versions of each',
    )
    .option('--all', 'settled ones too', false)
    .action(async (options: CommonOptions & { readonly all: boolean }) => {
      const { conflictsList } = await import('./commands/conflicts.ts')
      await run(async (call) => await conflictsList(call, options))(options)
    })
  common(conflicts.command('resolve'))
    .description('choose one version of a conflict; it goes up like any change')
    .argument('<id>', 'as the list shows it')
    .addOption(
      new Option('--take <version>', 'ours: what was set aside; theirs: what stands')
        .choices(['ours', 'theirs'])
        .makeOptionMandatory(),
    )
    .action(async (id: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { readonly take: Take }>()
      const { conflictsResolve } = await import('./commands/conflicts.ts')
      await run(async (call) => await conflictsResolve(call, id, options.take))(options)
    })
  for (const [deed, does] of [
    ['retry', 'send a change that was not taken again, with what depended on it'],
    ['discard', 'let a change that was not taken go, with what depended on it'],
  ] as const)
    common(conflicts.command(deed))
      .description(does)
      .argument('<id>', 'as the list shows it')
      .action(async (id: string, _own: unknown, command: Command) => {
        const { writeDecide } = await import('./commands/conflicts.ts')
        await run(async (call) => await writeDecide(call, id, deed))(command.optsWithGlobals<CommonOptions>())
      })
  common(context.command('undo'))
    .description('take a change of this device back, on its way or after it was applied')
    .argument('<id>', 'of the write: starling audit list names it')
    .action(async (id: string, options: CommonOptions) => {
      const { writeDecide } = await import('./commands/conflicts.ts')
      await run(async (call) => await writeDecide(call, id, 'undo'))(options)
    })
}
