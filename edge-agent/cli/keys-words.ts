/** The words of `starling keys`. */
import { Option, type Command } from 'commander'
import type { KeyScheme } from '../../shared/signing/signing-key.ts'
import { REPOSITORIES, type RepositoryName } from '../../shared/wire/repository.ts'
import type { CommonOptions } from './call.ts'
import type { PrepareOptions, PublishOptions } from './commands/keys.ts'
import { addCentreKeys } from './keys-centre-words.ts'
import type { AsOption } from './operate.ts'
import { operators } from './release-words.ts'
import { collected, common, wholeNumber, type Run } from './words.ts'

const CEREMONY = `
A ceremony, each step where its key lies:
  starling keys new --out alice                    each signer, once: alice (secret) and alice.pub
  starling keys prepare --plan plan.json --repository DIR --out next-root.json
  starling keys sign next-root.json --key alice --out alice.sig
  starling keys assemble next-root.json --signature alice.sig --signature bob.sig --repository DIR --out root.json
  starling keys rehearse root.json --repository DIR --oldest ROOT_OF_THE_OLDEST_DEVICE.json
  starling keys publish root.json --repository DIR --oldest ROOT_OF_THE_OLDEST_DEVICE.json

A centre serves two repositories: "repository" in the plan is "image" (what exists; its root and targets keys stay with people) or
"director" (what each device shall run; timestamp, snapshot and targets are online). Its online keys are made there; a production
device installs what both name, once people have signed what exists:
  starling keys online image timestamp --out image-timestamp.pub     at the centre, for each online role
  starling keys publish root.json --centre image                     at the centre, once for image, once for director
  starling bundle publish DIR …; starling keys due --out DUE          what the release is signed by
  starling keys fetch image --out REPOSITORY                         for the signers, who sign and assemble DUE/*.json
  starling keys publish targets.json family.json --centre image      at the centre; starling keys status says what is missing

Targets of a folder go the same way: prepare --add bundles/speech/1.4.0/manifest.dsse=FILE, and publish with --snapshot-key and
--timestamp-key, which are online. plan.json: {"environment": "production", "expiresInDays": 365, "roles": {"root":
{"threshold": 3, "keys": ["alice.pub", …]}, "targets": …, "snapshot": …, "timestamp": …}}.`

type Out = CommonOptions & { readonly out: string }

export function addKeys(program: Command, run: Run): void {
  const keys = program
    .command('keys')
    .description('the keys of a TUF repository: prepare, sign apart, assemble, rehearse, publish')
    .addHelpText('after', CEREMONY)
    .exitOverride()
  common(keys.command('new'))
    .description('make a key pair: FILE (secret) and FILE.pub')
    .requiredOption('--out <file>', 'where the secret half goes')
    .addOption(
      new Option('--scheme <name>', 'its kind')
        .choices(['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256'])
        .default('ed25519'),
    )
    .action(async (options: Out & { readonly scheme: KeyScheme }) => {
      const { keysNew } = await import('./commands/keys.ts')
      await run(async (call) => await keysNew(call, options.out, options.scheme))(options)
    })
  addMaking(keys, run)
  addPublishing(keys, run)
  addCentreKeys(keys, run)
}

function addMaking(keys: Command, run: Run): void {
  inRepository(keys.command('prepare'))
    .description('write the next root (--plan) or the next targets (--add), unsigned')
    .requiredOption('--out <file>', 'the document to be signed')
    .option('--plan <file>', 'keys, thresholds and expiry of the next root')
    .option('--add <path=file>', 'a target to be listed; may be given again', collected, [])
    .option('--expires-in-days <n>', 'for targets', wholeNumber(1, 3_650), 90)
    .action(async (options: Out & PrepareOptions) => {
      const { keysPrepare } = await import('./commands/keys.ts')
      await run(async (call) => await keysPrepare(call, options))(options)
    })
  common(keys.command('sign <document>'))
    .description('sign a prepared document with the one key that lies here')
    .requiredOption('--key <file>', 'the secret half')
    .requiredOption('--out <file>', 'where the signature goes')
    .action(async (document: string, options: Out & { readonly key: string }) => {
      const { keysSign } = await import('./commands/keys.ts')
      await run(async (call) => await keysSign(call, document, options))(options)
    })
  inRepository(keys.command('assemble <document>'))
    .description('put the signatures together; each is checked, and every threshold has to be met')
    .option('--signature <file>', 'a signature; may be given again', collected, [])
    .requiredOption('--out <file>', 'the signed file')
    .action(
      async (
        document: string,
        options: Out & { readonly signature: readonly string[]; readonly repository: string },
      ) => {
        const { keysAssemble } = await import('./commands/keys.ts')
        const { signature: signatures, repository, out } = options
        await run(async (call) => await keysAssemble(call, document, { signatures, repository, out }))(
          options,
        )
      },
    )
}

function addPublishing(keys: Command, run: Run): void {
  inRepository(keys.command('rehearse <file>'))
    .description('walk from the oldest trusted root to the newest as a device would; nothing is written')
    .option('--oldest <root>', 'the oldest root that a device of the fleet trusts (default: version 1)')
    .action(async (file: string, options: CommonOptions & PublishOptions) => {
      const { keysRehearse } = await import('./commands/keys.ts')
      await run(async (call) => await keysRehearse(call, file, options))(options)
    })
  operators(keys.command('publish <file...>'))
    .description('rehearse, then put the file into the repository, or hand the files in at the centre here')
    .option('--repository <dir>', 'the folder that is served: metadata/, targets/; one file')
    .addOption(
      new Option('--centre <repository>', 'instead: which one of the centre here').choices(REPOSITORIES),
    )
    .option('--oldest <root>', 'the oldest root that a device of the fleet trusts (default: version 1)')
    .option('--snapshot-key <file>', 'online: signs the next snapshot')
    .option('--timestamp-key <file>', 'online: signs the next timestamp')
    .action(async (files: readonly string[], options: CommonOptions & AsOption & Published) => {
      const { keysPublish, WhereToPublish } = await import('./commands/keys.ts')
      const { keysHandIn } = await import('./commands/keys-centre.ts')
      const { centre, repository } = options
      const [file = '', ...more] = files
      await run(async (call) => {
        if (centre !== undefined && repository === undefined)
          return await keysHandIn(call, files, { ...options, centre })
        if (centre !== undefined || repository === undefined || more.length > 0) throw new WhereToPublish()
        return await keysPublish(call, file, { ...options, repository })
      })(options)
    })
}

type Published = Omit<PublishOptions, 'repository'> & {
  readonly repository?: string
  readonly centre?: RepositoryName
  readonly snapshotKey?: string
  readonly timestampKey?: string
}

function inRepository(command: Command): Command {
  return common(command).requiredOption(
    '--repository <dir>',
    'the folder that is served: metadata/, targets/',
  )
}
