/** The words of `starling keys` that speak to a centre, and to a device that has no roots. */
import { Argument, type Command } from 'commander'
import { REPOSITORIES, type RepositoryName } from '../../shared/wire/repository.ts'
import type { CommonOptions } from './call.ts'
import type { AsOption } from './operate.ts'
import { operators } from './release-words.ts'
import { common, type Run } from './words.ts'

type Common = CommonOptions & AsOption
type Out = Common & { readonly out: string }

export function addCentreKeys(keys: Command, run: Run): void {
  operators(keys.command('status'))
    .description(
      'how the two repositories of the centre here stand; exit code 1 when something has to be signed',
    )
    .action(async (options: Common) => {
      const { keysStatus } = await import('./commands/keys-centre.ts')
      await run(async (call) => await keysStatus(call, options))(options)
    })
  operators(keys.command('online'))
    .description("write the public half of one of the centre's online keys, for the plan of a root")
    .addArgument(new Argument('<repository>').choices(REPOSITORIES))
    .addArgument(new Argument('<role>').choices(['targets', 'snapshot', 'timestamp']))
    .requiredOption('--out <file.pub>', 'where to')
    .option('--renew', 'make a new one; it signs once a root names it', false)
    .action(async (repository: RepositoryName, role: string, options: Out & { readonly renew: boolean }) => {
      const { keysOnline } = await import('./commands/keys-centre.ts')
      await run(async (call) => await keysOnline(call, { repository, role }, options))(options)
    })
  operators(keys.command('due'))
    .description(
      'write what the holders of the targets keys have to sign, so that every release can be installed',
    )
    .requiredOption('--out <dir>', 'a file each')
    .action(async (options: Out) => {
      const { keysDue } = await import('./commands/keys-centre.ts')
      await run(async (call) => await keysDue(call, options))(options)
    })
  operators(keys.command('fetch'))
    .description('write what the centre serves, for signers: their --repository')
    .addArgument(new Argument('<repository>').choices(REPOSITORIES))
    .requiredOption('--out <dir>', 'metadata/ is made in it')
    .action(async (repository: RepositoryName, options: Out) => {
      const { keysFetch } = await import('./commands/keys-centre.ts')
      await run(async (call) => await keysFetch(call, repository, options))(options)
    })
  common(keys.command('trust'))
    .description('give this device, which has none, the roots that it shall start from')
    .requiredOption('--image <root.json>', 'of the image repository')
    .requiredOption('--director <root.json>', 'of the director')
    .action(async (options: CommonOptions & { readonly image: string; readonly director: string }) => {
      const { keysTrust } = await import('./commands/keys-trust.ts')
      await run(async (call) => await keysTrust(call, options))(options)
    })
}
