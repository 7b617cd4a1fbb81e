/** The words of `starling bundle`: what they take; what they do is in commands/bundle.ts and commands/bundle-folder.ts. */
import { Option, type Command } from 'commander'
import { ENVIRONMENTS } from '../../shared/kernel/contract.ts'
import type { CommonOptions } from './call.ts'
import type { BundlePublishOptions } from './commands/bundle.ts'
import type { BuildOptions, SignOptions, VerifyOptions } from './commands/bundle-folder.ts'
import { collected, common, wholeNumber, type Run } from './words.ts'

const FOLDER = `
A source folder holds
  card.json      version, title, licence (SPDX), languages, intendedUse, limits; "kind": "domain" or "schema" where it is one
  golden.json    inputs, and what is expected of them: devices run it before they take the bundle
  release.json   {"v": 1, "minimalRuntime", "provenance": {"recipe", "builder", "parameters", "datasets", "transforms"},
                 "evaluation": {"method", "heldBack", "figures", "incumbent"}, "metrics": the metric contract}
  and the model: *.onnx, lexicon or tokens, settings. edge-agent/models/speech is one.
starling domain build and starling speech adapt write all of it; of a list of schema steps, build makes golden.json and
release.json by trying the steps on a fresh database.

A built folder holds those files but release.json, bom.cdx.json (CycloneDX 1.7), provenance.intoto.json (SLSA v1),
evaluation.intoto.json, manifest.json (canonical), to-sign.json; once signed, manifest.dsse.json, provenance.dsse.json,
evaluation.dsse.json and model.sig (OpenSSF Model Signing v1.0).

Signing apart, the model never leaves its machine:
  starling keys new --out alice; starling keys new --scheme ecdsa-sha2-nistp256 --out model
  starling bundle build speech --out speech-1.4.0
  starling bundle sign speech-1.4.0/to-sign.json --key alice --out alice.sig      where alice's key lies
  starling bundle sign speech-1.4.0 --signature alice.sig --signature bob.sig --key model
  starling bundle verify speech-1.4.0 --key alice.pub --key bob.pub --key model.pub --threshold 2

publish refuses, each by its own code: bundle_without_provenance, bundle_without_licence, bundle_without_golden,
bundle_without_metrics, bundle_without_evaluation, bundle_without_bom, provenance_incomplete, evaluation_failed,
evaluation_worse, evaluation_not_comparable, bundle_unsound, bundle_foreign_environment, bundle_version_taken.`

export function addBundles(program: Command, run: Run): void {
  const bundle = program
    .command('bundle')
    .description('what is signed and devices run: build, sign, verify, inspect, publish, choose')
    .addHelpText('after', FOLDER)
    .exitOverride()
  addFolderWords(bundle, run)
  addCentreWords(bundle, run)
}

function addFolderWords(bundle: Command, run: Run): void {
  common(bundle.command('build'))
    .description(
      'from a source folder a bundle folder: manifest, bill of materials, statements, what is to be signed',
    )
    .argument('<folder>')
    .option('--out <dir>', 'where it goes (default: NAME-VERSION.bundle)')
    .option('--name <name>', "the bundle's name (default: the folder's)")
    .option('--as-version <version>', "instead of the card's")
    .addOption(
      new Option('--environment <name>', 'where it may run').choices(ENVIRONMENTS).default('development'),
    )
    .action(async (folder: string, options: CommonOptions & BuildOptions) => {
      const { bundleBuild } = await import('./commands/bundle-folder.ts')
      await run(async (call) => await bundleBuild(call, folder, options))(options)
    })
  common(bundle.command('sign'))
    .description('sign a bundle folder, or to-sign.json apart (--out); put signatures together (--signature)')
    .argument('<folder|to-sign.json>')
    .option(
      '--key <file>',
      'a secret key: Ed25519 for the manifest, P-256 for the model; may be given again',
      collected,
      [],
    )
    .option('--signature <file>', 'a signature that was made apart; may be given again', collected, [])
    .option('--out <file>', 'write the signature of the one key here, and change nothing else')
    .action(async (path: string, options: CommonOptions & SignOptions) => {
      const { bundleSign } = await import('./commands/bundle-folder.ts')
      await run(async (call) => await bundleSign(call, path, options))(options)
    })
  common(bundle.command('verify'))
    .description(
      'without a network: signatures, bytes, bill of materials, statements; exit code 1 when one check fails',
    )
    .argument('<folder>')
    .option(
      '--key <file.pub>',
      'a trusted public key; may be given again (default: those of the centre or device on this data folder)',
      collected,
      [],
    )
    .option('--threshold <n>', 'how many of them must have signed', wholeNumber(1, 100), 1)
    .addOption(new Option('--environment <name>', 'for which it must be').choices(ENVIRONMENTS))
    .action(async (folder: string, options: CommonOptions & VerifyOptions) => {
      const { bundleVerify } = await import('./commands/bundle-folder.ts')
      await run(async (call) => await bundleVerify(call, folder, options))(options)
    })
  common(bundle.command('inspect'))
    .description(
      'what a bundle folder holds; or of a published one, by name and version or by a digest of a record: data, evaluation, policy, who approved',
    )
    .argument('[folder|name]')
    .argument('[version]', 'of a published one')
    .option('--digest <sha256>', 'a model, file or manifest digest, as records name it')
    .action(
      async (
        of: string | undefined,
        version: string | undefined,
        options: CommonOptions & { readonly digest?: string },
      ) => {
        const { bundleInspect } = await import('./commands/bundle-inspect.ts')
        const { digest } = options
        await run(async (call) => await bundleInspect(call, { of, version, digest }))(options)
      },
    )
}

function addCentreWords(bundle: Command, run: Run): void {
  common(bundle.command('publish'))
    .description('hold a source or built folder against itself and against what runs, sign it, publish it')
    .argument('<folder>')
    .option('--name <name>', "the bundle: speech, intent, or another (default: the folder's)")
    .option('--as-version <version>', "instead of the card's: to publish again what ran before")
    .option('--held', 'only devices for which it is chosen take it', false)
    .action(async (folder: string, options: CommonOptions & BundlePublishOptions) => {
      const { bundlePublish } = await import('./commands/bundle.ts')
      await run(async (call) => await bundlePublish(call, folder, options))(options)
    })
  common(bundle.command('list'))
    .description('what is published')
    .action(async (options: CommonOptions) => {
      const { bundleList } = await import('./commands/bundle.ts')
      await run(bundleList)(options)
    })
  common(bundle.command('choose'))
    .description('which version one device runs')
    .requiredOption('--device <name>')
    .requiredOption('--name <name>', 'the bundle')
    .requiredOption('--bundle-version <version>', 'a published version, or "stable": what everybody runs')
    .action(
      async (
        options: CommonOptions & {
          readonly device: string
          readonly name: string
          readonly bundleVersion: string
        },
      ) => {
        const { bundleChoose } = await import('./commands/bundle.ts')
        const { device, name, bundleVersion: version } = options
        await run(async (call) => await bundleChoose(call, { device, name, version }))(options)
      },
    )
}
