/** The words of `starling registry`: releases, their names, their approvals, and whose key is whose. */
import { Option, type Command } from 'commander'
import type { CommonOptions } from './call.ts'
import type { AsOption } from './operate.ts'
import { common, type Run } from './words.ts'

const LIFE = `
The life of a release: published (registered, evaluated, signed), approved by others, staged (a rollout, or an alias of its
own), promoted (stable), retired. Publishing moves no device: a rollout does, or a move of the alias "stable". Only the very
first release of a name is stable at once. In production "stable" moves after two others than the author have signed.

  starling keys new --out anna                              anna keeps her key; anna.pub is entered:
  starling registry person add anna --key anna.pub
  starling registry person access anna --out anna.token     what she calls the centre with: --as anna.token
  starling registry approve speech 1.2.0 --key anna
  starling registry promote speech 1.2.0`

type Common = CommonOptions & AsOption

export function addReleases(program: Command, run: Run): void {
  const registry = program
    .command('registry')
    .description('releases at the centre: versions, aliases, lineage, approvals')
    .addHelpText('after', LIFE)
    .exitOverride()
  addLooks(registry, run)
  addDeeds(registry, run)
  addPeople(registry, run)
}

function addLooks(registry: Command, run: Run): void {
  operators(registry.command('list [name]'))
    .description('versions, newest first, and what each alias names')
    .action(async (name: string | undefined, options: Common) => {
      const { registryList } = await import('./commands/releases.ts')
      await run(async (call) => await registryList(call, name, options))(options)
    })
  operators(registry.command('show <name> <version>'))
    .description('one release: lineage, metric contract, approvals, its life so far')
    .action(async (name: string, version: string, options: Common) => {
      const { registryShow } = await import('./commands/releases.ts')
      await run(async (call) => await registryShow(call, { name, version }, options))(options)
    })
  operators(registry.command('chain <name>'))
    .description('write the signature chain by which an alias names its release')
    .option('--alias <alias>', 'which', 'stable')
    .requiredOption('--out <file>', 'where to')
    .action(async (name: string, options: Common & { readonly alias: string; readonly out: string }) => {
      const { registryChain } = await import('./commands/releases.ts')
      await run(async (call) => await registryChain(call, name, options))(options)
    })
  common(registry.command('verify <file>'))
    .description('verify such a chain without the centre; exit code 1 names the link that does not hold')
    .requiredOption('--policy-key <text>', "the centre's policy key, base64url: starling registry keys")
    .requiredOption('--release-key <text>', "the centre's release key, base64url")
    .action(
      async (
        file: string,
        options: CommonOptions & { readonly policyKey: string; readonly releaseKey: string },
      ) => {
        const { registryVerify } = await import('./commands/releases.ts')
        await run(async (call) => await registryVerify(call, file, options))(options)
      },
    )
  operators(registry.command('keys'))
    .description("the centre's public keys, which chains are verified with")
    .action(async (options: Common) => {
      const { registryKeys } = await import('./commands/releases.ts')
      await run(async (call) => await registryKeys(call, options))(options)
    })
}

function addDeeds(registry: Command, run: Run): void {
  operators(registry.command('promote <name> <version>'))
    .description('move an alias to a release, as the policy allows it')
    .option('--alias <alias>', 'which', 'stable')
    .option('--expect <version>', 'refuse unless it names this now ("none": nothing); default: what it names')
    .action(
      async (
        name: string,
        version: string,
        options: Common & { readonly alias: string; readonly expect?: string },
      ) => {
        const { registryPromote } = await import('./commands/releases.ts')
        await run(async (call) => await registryPromote(call, { name, version }, options))(options)
      },
    )
  operators(registry.command('approve <name> <version>'))
    .description('sign a release with your key; its author cannot')
    .requiredOption('--key <file>', 'the secret half that `starling keys new` made')
    .action(async (name: string, version: string, options: Common & { readonly key: string }) => {
      const { registryApprove } = await import('./commands/releases.ts')
      await run(async (call) => await registryApprove(call, { name, version }, options))(options)
    })
  operators(registry.command('tag <name> <version> <tag>'))
    .description('add a tag, by which the policy may ask for more; none comes off again')
    .action(async (name: string, version: string, tag: string, options: Common) => {
      const { registryTag } = await import('./commands/releases.ts')
      await run(async (call) => await registryTag(call, { name, version, tag }, options))(options)
    })
  operators(registry.command('retire <name> <version>'))
    .description('take a release out of use for good')
    .requiredOption('--reason <text>')
    .action(async (name: string, version: string, options: Common & { readonly reason: string }) => {
      const { registryRetire } = await import('./commands/releases.ts')
      await run(async (call) => await registryRetire(call, { name, version }, options))(options)
    })
}

function addPeople(registry: Command, run: Run): void {
  const person = registry.command('person').description('whose key is whose, and who may call the centre')
  operators(person.command('list'))
    .description('the keys that are entered')
    .action(async (options: Common) => {
      const { personList } = await import('./commands/releases.ts')
      await run(async (call) => await personList(call, options))(options)
    })
  operators(person.command('add <person>'))
    .description('enter a key, which from then on speaks for this person')
    .requiredOption('--key <file.pub>', 'the public half that `starling keys new` made')
    .action(async (who: string, options: Common & { readonly key: string }) => {
      const { personAdd } = await import('./commands/releases.ts')
      await run(async (call) => await personAdd(call, who, options))(options)
    })
  operators(person.command('remove <key-id>'))
    .description('remove a key: what it signed counts no more')
    .action(async (keyId: string, options: Common) => {
      const { personRemove } = await import('./commands/releases.ts')
      await run(async (call) => await personRemove(call, keyId, options))(options)
    })
  operators(person.command('access <person>'))
    .description('make an access token for another person')
    .requiredOption('--out <file>', 'where it goes; nobody else may read it')
    .addOption(new Option('--role <role>').choices(['operator', 'governance', 'viewer']).default('operator'))
    .action(async (who: string, options: Common & { readonly out: string; readonly role: string }) => {
      const { personAccess } = await import('./commands/releases.ts')
      await run(async (call) => await personAccess(call, who, options))(options)
    })
}

/** The options of every command that calls the centre. */
export function operators(command: Command): Command {
  return common(command).option(
    '--as <file>',
    'a file with your access token (default: that of this machine’s operator)',
  )
}
