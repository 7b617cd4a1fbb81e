/** The words of `starling models`: what they take; what they do is in commands/registry.ts. */
import type { ModelPurpose } from '../models-import/registry.ts'
import { Option, type Command } from 'commander'
import type { CommonOptions } from './call.ts'
import type { DeclareOptions, ImportOptions } from './commands/registry.ts'
import { common, type Run } from './words.ts'

export function addRegistry(program: Command, run: Run): void {
  const models = program.command('models').description('the models that this device has')
  common(models.command('import'))
    .description(
      'take in a streaming model that sherpa-onnx loads (NeMo or zipformer2 CTC, T-one, transducer, Silero), or a sentence embedding model',
    )
    .argument('<file...>', 'its ONNX file, or encoder, decoder and joiner')
    .option(
      '--tokens <file>',
      'its symbols (default: tokens.txt, or vocab.txt of an embedding model, beside it)',
    )
    .option('--name <name>', 'what to call it (default: after its file or folder)')
    .option('--licence <spdx>', 'its licence (default: what the file says, else NOASSERTION)')
    .action(async (files: readonly string[], options: CommonOptions & ImportOptions) => {
      const { modelsImport } = await import('./commands/registry.ts')
      await run(async (call) => await modelsImport(call, files, options))(options)
    })
  common(models.command('declare'))
    .description('a runtime on this machine that serves a model over HTTP, for formats other than ONNX')
    .argument('<url>', 'http://127.0.0.1:PORT')
    .requiredOption('--name <name>', 'what to call it')
    .requiredOption('--licence <spdx>', "its model's licence")
    .addOption(
      new Option('--class <class>', "its model's class")
        .choices(['ctc', 'transducer', 'acoustic'])
        .default('transducer'),
    )
    .action(async (url: string, options: CommonOptions & DeclareOptions) => {
      const { modelsDeclare } = await import('./commands/registry.ts')
      await run(async (call) => await modelsDeclare(call, url, options))(options)
    })
  common(models.command('list'))
    .description('class, licence, residency, source and digest of each')
    .action(async (options: CommonOptions) => {
      const { modelsList } = await import('./commands/registry.ts')
      await run(modelsList)(options)
    })
  common(models.command('use'))
    .description(
      'choose what transcribes when no model is named, what search compares texts by, or what tells when somebody speaks; "default" is our own',
    )
    .argument('<name>')
    .addOption(
      new Option('--for <purpose>', 'what for (default: what the model is)').choices([
        'dictation',
        'search',
        'voice',
      ]),
    )
    .action(async (name: string, options: CommonOptions & { readonly for?: ModelPurpose }) => {
      const { modelsUse } = await import('./commands/registry.ts')
      await run(async (call) => await modelsUse(call, name, options))(options)
    })
}
