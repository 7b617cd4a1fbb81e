/** The process of the centre: options, then `runPart`. `starling hub` starts it. */
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../shared/clock.ts'
import { ENVIRONMENTS, type Environment } from '../shared/kernel/contract.ts'
import { openLog } from '../shared/log.ts'
import { runPart } from '../shared/part.ts'
import { startCentre, type CentreOptions } from './centre.ts'

const program = new Command('starling-centre')
  .description('The centre of Starling: hub NATS server, control plane, console.')
  .requiredOption('--data <dir>', "the centre's data folder")
  .option('--bin <dir>', "Starling's own folder of programs; in the data folder unless it is named")
  .option('--port <n>', 'HTTP; a free one when it is taken', port, 7400)
  .option('--nats-port <n>', "the hub's NATS port", port, 7422)
  .option('--leaf-port <n>', 'where leaf nodes connect', port, 7423)
  .option('--tenant <name>', 'whose centre this is', 'acme')
  .addOption(
    new Option('--environment <name>')
      .choices([...ENVIRONMENTS])
      .default('development' satisfies Environment),
  )
  .option('--sample-data', 'fill an empty centre with a small field-service day', false)
  .parse()

const log = openLog({
  part: 'centre',
  clock: systemClock,
  json: process.env['STARLING_LOG'] === 'json',
  write: (line) => process.stderr.write(`${line}\n`),
})

const given = program.opts<Omit<CentreOptions, 'bin'> & { readonly bin?: string }>()
const options: CentreOptions = { ...given, bin: given.bin ?? join(given.data, 'bin') }
await runPart(async (signal, fail) => await startCentre(options, { log, signal, fail }))

function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
}
