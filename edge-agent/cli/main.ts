#!/usr/bin/env node
/** The one binary. Each command is a module of its own, loaded when it is called. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { LinkClass } from '../../rollout/delta/transfer.ts'
import { ENVIRONMENTS } from '../../shared/kernel/contract.ts'
import { packageVersion } from '../../shared/package-version.ts'
import type { HubOptions } from './commands/parts.ts'
import type { SpeechAdaptOptions } from './commands/speech-adapt.ts'
import type { SpeechEvalOptions } from './commands/speech-eval.ts'
import { openCall, type Call, type CommonOptions } from './call.ts'
import { addBundles } from './bundle-words.ts'
import { addContext } from './context-words.ts'
import { addKeys } from './keys-words.ts'
import { addRegistry } from './registry-words.ts'
import { addPolicy } from './policy-words.ts'
import { addReleases } from './release-words.ts'
import { addRollout } from './rollout-words.ts'
import { addDomain } from './domain-words.ts'
import { EXIT, openOutput, printError, type ExitCode } from './output.ts'
import { endWhenUnread } from './unread.ts'
import { USUAL_DEVICE, USUAL_SITE } from './with-agent.ts'
import { collected, common, decibels, wholeNumber, type Run } from './words.ts'

const EXIT_CODES = `
Exit codes:
  0   done, and everything that was checked holds
  1   refused: what was asked or checked does not hold
  2   the call's words are wrong
  3   something that it needs is missing: a program, a running agent, an enrolment
  70  a fault in Starling`

interface PortOptions {
  readonly port: number
  readonly natsPort: number
  readonly leafPort: number
}
interface EdgeOptions {
  readonly pagePort: number
  readonly siteLeafPort: number
  readonly device: string
  readonly site: string
  readonly speechThreads: number
}
type UpOptions = CommonOptions &
  PortOptions &
  EdgeOptions & { readonly sampleData: boolean; readonly verbose?: true }

async function main(argv: readonly string[]): Promise<number> {
  let code: ExitCode = EXIT.ok
  const run =
    <A extends unknown[]>(use: (call: Call, ...rest: A) => Promise<ExitCode>) =>
    async (options: CommonOptions, ...rest: A): Promise<void> => {
      const output = openOutput({ json: options.json === true, out: process.stdout, err: process.stderr })
      try {
        code = await use(openCall(options), ...rest)
      } catch (thrown) {
        code = printError(thrown, output)
      }
    }
  const program = new Command('starling')
    .description(
      'An AI operating system for the field: speech and intent on the device, one governed fabric to the centre.',
    )
    .version(packageVersion())
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(starling --help lists the commands)')
    .exitOverride()
  addUp(program, run)
  addHub(program, run)
  addEdge(program, run)
  addModels(program, run)
  addRegistry(program, run)
  addSpeech(program, run)
  addDomain(program, run)
  addBundles(program, run)
  addReleases(program, run)
  addRollout(program, run)
  addPolicy(program, run)
  addKeys(program, run)
  addContext(program, run)
  addAudit(program, run)
  addCare(program, run)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  return code
}

function addUp(program: Command, run: Run): void {
  edgeOptions(hubOptions(common(program.command('up'))))
    .description('start the centre and one site with its device; go on where it stood')
    .option('--no-sample-data', 'leave a new centre empty')
    .option('--verbose', 'show the log of each part')
    .action(async (options: UpOptions) => {
      const { up } = await import('./commands/up.ts')
      await run(async (call) => await up(call, { ...options, verbose: options.verbose === true }))(options)
    })
}

function addHub(program: Command, run: Run): void {
  hubOptions(common(program.command('hub')))
    .description('start the centre alone: hub NATS server, control plane, console')
    .option('--no-sample-data', 'leave a new centre empty')
    .addOption(
      new Option('--environment <name>', 'in production, releases are signed by people: starling keys')
        .choices(ENVIRONMENTS)
        .default('development'),
    )
    .option(
      '--insecure-shapes',
      'serve /v1/shape for any table to whoever reaches the port: for tests of clients',
    )
    .addOption(
      new Option('--database-url <url>', 'with --insecure-shapes: the PostgreSQL whose tables are read').env(
        'DATABASE_URL',
      ),
    )
    .option('--electric <url>', 'a real Electric that serves the shapes of devices (not tested against one)')
    .option(
      '--shape-poll-ms <n>',
      'with --insecure-shapes: how long a live request is held',
      wholeNumber(1, 1_000_000),
    )
    .option(
      '--shape-chunk-bytes <n>',
      'with --insecure-shapes: about how much of a shape travels at once',
      wholeNumber(1, 1_000_000_000),
    )
    .action(async (options: CommonOptions & HubOptions) => {
      const { hub } = await import('./commands/parts.ts')
      await run(async (call) => await hub(call, options))(options)
    })
}

function addEdge(program: Command, run: Run): void {
  edgeOptions(common(program.command('edge')))
    .description('start one device alone; a new one needs --hub and --token-file once')
    .option('--hub <url>', 'where the centre is')
    .option(
      '--context-url <url>',
      'follow the context over HTTP(S) at the centre instead of through the leaf',
    )
    .addOption(
      new Option('--link <class>', 'over a metered one no model travels whole unless the centre says so')
        .choices(['unmetered', 'metered'])
        .default('unmetered'),
    )
    .option(
      '--join-leaf <host:port>',
      "the site's NATS port on the device that keeps it (its --site-leaf-port): this one starts no leaf of its own",
      leafAddress,
    )
    .option('--token-file <path>', 'a file with the one-time enrolment token (or STARLING_ENROL_TOKEN)')
    .action(
      async (
        options: CommonOptions &
          EdgeOptions & {
            readonly hub?: string
            readonly contextUrl?: string
            readonly joinLeaf?: string
            readonly link: LinkClass
            readonly tokenFile?: string
          },
      ) => {
        const { edge } = await import('./commands/parts.ts')
        await run(async (call) => await edge(call, options))(options)
      },
    )
  common(program.command('token'))
    .description('make a one-time enrolment token at the centre that runs on this folder')
    .option('--device <name>', 'the device that it is for', USUAL_DEVICE)
    .option('--site <name>', 'its site', USUAL_SITE)
    .action(async (options: CommonOptions & { readonly device: string; readonly site: string }) => {
      const { token } = await import('./commands/parts.ts')
      await run(async (call) => await token(call, options))(options)
    })
}

const DOMAIN = ['--domain <name|file.yaml>', 'by another domain than the one that the device runs'] as const
interface DomainOption {
  readonly domain?: string
}

function addModels(program: Command, run: Run): void {
  common(program.command('transcribe'))
    .description('what is said in a WAV file')
    .argument('<file.wav...>')
    .option('--model <name>', 'an imported model, or "default" for the released one')
    .option('--dictation', 'any words of the lexicon instead of what the domain knows, numbers as written')
    .option(...DOMAIN)
    .action(
      async (
        files: readonly string[],
        options: CommonOptions & DomainOption & { readonly model?: string; readonly dictation?: true },
      ) => {
        const { transcribeFiles } = await import('./commands/models.ts')
        await run(async (call) => await transcribeFiles(call, files, options))(options)
      },
    )
  common(program.command('understand'))
    .description('what a sentence asks for')
    .argument('<text>')
    .option(...DOMAIN)
    .action(async (text: string, options: CommonOptions & DomainOption) => {
      const { understandText } = await import('./commands/models.ts')
      await run(async (call) => await understandText(call, text, options))(options)
    })
  common(program.command('turn'))
    .description('a whole turn: hear, understand, act under the policy, record')
    .argument('<file.wav...>')
    .option(...DOMAIN)
    .action(async (files: readonly string[], options: CommonOptions & DomainOption) => {
      const { takeTurns } = await import('./commands/models.ts')
      await run(async (call) => await takeTurns(call, files, options))(options)
    })
}

function addSpeech(program: Command, run: Run): void {
  const speech = program.command('speech').description('measure the speech model, and adapt it to a site')
  addAdaptation(speech, run)
  common(speech.command('eval'))
    .description('plays recordings with known answers; exit code 1 when a threshold is not reached')
    .requiredOption('--manifest <file.jsonl>', 'a line a recording: {"audio","text"?,"intent"?,"slots"?}')
    .option('--domain <file.yaml>', 'what can be said, and what it means; without one, open dictation')
    .option('--noise <file>', 'WAV or FLAC to be mixed in, power over the whole file; with --snr')
    .option('--snr <db>', 'at which signal-to-noise ratio', decibels)
    .option('--seed <n>', 'where in the noise each recording begins', wholeNumber(0, 2 ** 31), 0)
    .option('--set <name>', 'only the recordings of this set')
    .option('--limit <n>', 'only the first', wholeNumber(1, 10_000_000))
    .option('--streams <n>', 'recordings played at once', wholeNumber(1, 64), 1)
    .option('--model <dir>', 'a model folder (default: the shipped one)')
    .option('--at-least <figure=value>', 'a threshold, may be repeated', collected, [])
    .option('--at-most <figure=value>', 'a threshold, may be repeated', collected, [])
    .option('--verbose', 'tell each recording that was not understood', false)
    .action(async (options: CommonOptions & SpeechEvalOptions) => {
      const { speechEval } = await import('./commands/speech-eval.ts')
      await run(async (call) => await speechEval(call, options))(options)
    })
}

function addAdaptation(speech: Command, run: Run): void {
  common(speech.command('consent'))
    .description('whether confirmed commands are kept as recordings on this device')
    .addArgument(new Argument('[word]').choices(['give', 'withdraw']))
    .action(async (word: string | undefined, options: CommonOptions) => {
      const { speechConsent } = await import('./commands/speech-adapt.ts')
      await run(async (call) => await speechConsent(call, word))(options)
    })
  common(speech.command('recordings'))
    .description('the recordings that are kept')
    .option('--forget', 'remove them all', false)
    .action(async (options: CommonOptions & { readonly forget: boolean }) => {
      const { speechRecordings } = await import('./commands/speech-adapt.ts')
      await run(async (call) => await speechRecordings(call, options))(options)
    })
  common(speech.command('adapt'))
    .description('makes a candidate model from confirmed commands; exit code 1 when it is worse anywhere')
    .option('--manifest <file.jsonl>', 'recordings to learn from (default: those kept on this device)')
    .option('--domain <file.yaml>', 'what the recordings mean, when the manifest gives intents')
    .option('--guard <file.jsonl>', 'recordings that must not be understood worse')
    .option('--guard-domain <file.yaml>', 'what those mean')
    .option('--model <dir>', 'the base (default: the shipped model)')
    .option('--out <dir>', 'where the candidate is written')
    .option('--model-version <version>', "the candidate's version (default: the base's next)")
    .action(async (options: CommonOptions & SpeechAdaptOptions) => {
      const { speechAdapt } = await import('./commands/speech-adapt.ts')
      await run(async (call) => await speechAdapt(call, options))(options)
    })
}

function addAudit(program: Command, run: Run): void {
  const audit = program.command('audit').description("the device's journal: what was asked, decided and done")
  common(audit.command('list'))
    .description('the newest records')
    .option('--limit <n>', 'how many', wholeNumber(1, 1_000), 20)
    .action(async (options: CommonOptions & { readonly limit: number }) => {
      const { auditList } = await import('./commands/audit.ts')
      await run(async (call) => await auditList(call, options))(options)
    })
  common(audit.command('show'))
    .description('one record, with its payload while it is kept')
    .argument('<record-id>')
    .action(async (id: string, options: CommonOptions) => {
      const { auditShow } = await import('./commands/audit.ts')
      await run(async (call) => await auditShow(call, id))(options)
    })
  common(audit.command('verify'))
    .description('checks every hash, link and seal; exit code 1 names the first place that does not hold')
    .action(async (options: CommonOptions) => {
      const { auditVerify } = await import('./commands/audit.ts')
      await run(async (call) => await auditVerify(call))(options)
    })
}

function addCare(program: Command, run: Run): void {
  common(program.command('status'))
    .description('what runs on this data folder and how it stands')
    .action(async (options: CommonOptions) => {
      const { status } = await import('./commands/status.ts')
      await run(status)(options)
    })
  common(program.command('doctor'))
    .description('what is there, what is missing, how to mend it')
    .action(async (options: CommonOptions) => {
      const { doctor } = await import('./commands/doctor.ts')
      await run(doctor)(options)
    })
  common(program.command('demo'))
    .description('the whole story on a data folder of its own, each claim checked')
    .action(async (options: CommonOptions) => {
      const { demo } = await import('./commands/demo.ts')
      await run(demo)(options)
    })
  common(program.command('reset'))
    .description('forget everything in the data folder, after asking')
    .option('--yes', 'do not ask')
    .action(async (options: CommonOptions & { readonly yes?: boolean }) => {
      const { reset } = await import('./commands/reset.ts')
      await run(async (call) => await reset(call, options))(options)
    })
}

function hubOptions(command: Command): Command {
  return command
    .option('--port <n>', "the centre's HTTP port; the next free one when it is taken", portNumber, 7400)
    .option('--nats-port <n>', "the hub's NATS port", portNumber, 7422)
    .option('--leaf-port <n>', 'where leaf nodes connect', portNumber, 7423)
}

function edgeOptions(command: Command): Command {
  return command
    .option('--page-port <n>', "the technician's page", portNumber, 7500)
    .option('--site-leaf-port <n>', "the site's own NATS port", portNumber, 7522)
    .option('--device <name>', "the device's name", USUAL_DEVICE)
    .option('--site <name>', "the site's name", USUAL_SITE)
    .option('--speech-threads <n>', 'threads that hear: more for more calls at once', wholeNumber(1, 64), 1)
}

function leafAddress(text: string): string {
  const [, address] = /^(?:nats:\/\/)?([\w.-]+:\d{1,5})$/.exec(text) ?? []
  if (address !== undefined) return address
  throw new InvalidArgumentError('An address is as 127.0.0.1:7522.')
}

const portNumber = wholeNumber(0, 65_535)

endWhenUnread(process.stdout, process.stderr)
process.exitCode = await main(process.argv.slice(2))
