/** `npm run bench -- NAME [--json]`: runs one benchmark and prints its report. Exit code 2 for an unknown name. */
import { parseArgs } from 'node:util'
import { renderReport, type BenchReport } from './report.ts'

type Bench = { run(progress: (line: string) => void): Promise<BenchReport> }

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  turn: async () => await import('./turn.ts'),
  start: async () => await import('./start.ts'),
  memory: async () => await import('./memory.ts'),
  outbox: async () => await import('./outbox.ts'),
  kernel: async () => await import('./kernel.ts'),
  'speech-peer': async () => await import('./speech-peer.ts'),
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const [name = ''] = positionals
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (load === undefined) {
  process.stderr.write(
    `usage: npm run bench -- NAME [--json]\nbenchmarks: ${Object.keys(BENCHES).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  const bench = await load()
  const report = await bench.run((line) => process.stderr.write(`${line}\n`))
  process.stdout.write(`${values.json ? JSON.stringify(report) : renderReport(report)}\n`)
}
