/** The process of the centre: options, then `runPart`. `starling hub` starts it. */
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../shared/clock.ts'
import { ENVIRONMENTS, type Environment } from '../shared/kernel/contract.ts'
import { openLog } from '../shared/log.ts'
import { runPart } from '../shared/part.ts'
import { startCentre, type CentreOptions } from './centre.ts'
import { USUAL_CHUNK_BYTES, USUAL_POLL_MS } from './shapes/shapes.ts'

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
  .option('--insecure-shapes', 'serve /v1/shape for any table to whoever reaches the port', false)
  .addOption(
    new Option('--database-url <url>', 'the PostgreSQL whose tables free-form shapes read').env(
      'DATABASE_URL',
    ),
  )
  .option('--electric <url>', 'a real Electric that serves the named shapes', httpUrl)
  .option('--shape-poll-ms <n>', 'how long a live shape request is held', count, USUAL_POLL_MS)
  .option('--shape-chunk-bytes <n>', 'about how much of a shape travels at once', count, USUAL_CHUNK_BYTES)
  .parse()

const log = openLog({
  part: 'centre',
  clock: systemClock,
  json: process.env['STARLING_LOG'] === 'json',
  write: (line) => process.stderr.write(`${line}\n`),
})

const given = program.opts<
  Omit<CentreOptions, 'bin' | 'insecureShapes' | 'electric'> & {
    readonly electric?: string
    readonly bin?: string
    readonly insecureShapes: boolean
    readonly databaseUrl?: string
    readonly shapePollMs: number
    readonly shapeChunkBytes: number
  }
>()
const { shapePollMs: pollMs, shapeChunkBytes: chunkBytes } = given
const freeForm = { databaseUrl: given.databaseUrl ?? null, pollMs, chunkBytes }
const options: CentreOptions = {
  ...given,
  bin: given.bin ?? join(given.data, 'bin'),
  insecureShapes: given.insecureShapes ? freeForm : null,
  electric: given.electric ?? null,
}
await runPart(async (signal, fail) => await startCentre(options, { log, signal, fail }))

function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
}

function count(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= 1_000_000_000) return value
  throw new InvalidArgumentError('A whole number from 1 to 1000000000.')
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new InvalidArgumentError('An address such as http://127.0.0.1:3000.')
}
