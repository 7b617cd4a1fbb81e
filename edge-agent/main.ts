/** The process of the device's agent: options, then `runPart`. `starling edge` starts it. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../shared/clock.ts'
import { openLog } from '../shared/log.ts'
import { runPart } from '../shared/part.ts'
import { MAX_SPEECH_THREADS } from './agent/models.ts'
import { startAgent, type AgentOptions } from './agent/agent.ts'

const program = new Command('starling-edge')
  .description("The agent of one device: models, kernel, journal, the site's leaf, the technician's page.")
  .requiredOption('--data <dir>', "the device's data folder")
  .requiredOption('--bin <dir>', "Starling's own folder of programs")
  .option('--port <n>', "the technician's page; a free one when it is taken", port, 7500)
  .option('--leaf-port <n>', "the site's own NATS port", port, 7522)
  .option('--device <name>', "a new device's name", 'device-1')
  .option('--site <name>', "a new device's site", 'site-1')
  .option('--hub <url>', 'where a new device is enrolled, with the token in STARLING_ENROL_TOKEN')
  .option('--leaf-url <url>', 'where the leaf links to, when it is not where it was at enrolment')
  .option('--join-leaf <address>', "the site's leaf that another device keeps; this one starts none")
  .option('--speech-threads <n>', 'threads that hear: more for more calls at once', threads, 1)
  .option(
    '--context-url <url>',
    'the centre over HTTP(S), to follow the context there instead of through the leaf',
  )
  .addOption(
    new Option('--link <class>', 'over a metered one no model travels whole unless the centre says so')
      .choices(['unmetered', 'metered'])
      .default('unmetered'),
  )
  .option('--person <name>', 'who speaks to this device', 'technician')
  .parse()

const log = openLog({
  part: 'edge',
  clock: systemClock,
  json: process.env['STARLING_LOG'] === 'json',
  write: (line) => process.stderr.write(`${line}\n`),
})

await runPart(async (signal, fail) => await startAgent(program.opts<AgentOptions>(), { log, signal, fail }))

function threads(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_SPEECH_THREADS) return value
  throw new InvalidArgumentError(`Between 1 and ${MAX_SPEECH_THREADS} threads can hear.`)
}

function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
}
