/** `npm run bench -- NAME [--json]`: runs one benchmark and prints its report. Exit code 2 for an unknown name. */
import { parseArgs } from 'node:util'
import { renderReport, type BenchOptions, type BenchReport } from './report.ts'

type Bench = { run(progress: (line: string) => void, options: BenchOptions): Promise<BenchReport> }

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  turn: async () => await import('./turn.ts'),
  start: async () => await import('./start.ts'),
  memory: async () => await import('./memory.ts'),
  outbox: async () => await import('./outbox.ts'),
  delta: async () => await import('./delta.ts'),
  decoder: async () => await import('./decoder.ts'),
  kernel: async () => await import('./kernel.ts'),
  gates: async () => await import('./gates.ts'),
  swap: async () => await import('./swap.ts'),
  search: async () => await import('./search.ts'),
  capture: async () => await import('./capture.ts'),
  powercut: async () => await import('./powercut.ts'),
  idle: async () => await import('./idle.ts'),
  halt: async () => await import('./halt.ts'),
  policy: async () => await import('./policy.ts'),
  fanout: async () => await import('./fanout.ts'),
  site: async () => await import('./site.ts'),
  'sync-first': async () => await import('./sync-first.ts'),
  'sync-apply': async () => await import('./sync-apply.ts'),
  'sync-kill': async () => await import('./sync-kill.ts'),
  link: async () => await import('./link.ts'),
  recovery: async () => await import('./recovery.ts'),
  intent: async () => await import('./intent.ts'),
  letters: async () => await import('./letters.ts'),
  'speech-peer': async () => await import('./speech-peer.ts'),
  adapt: async () => await import('./adapt.ts'),
  'speech-people': async () => await import('./speech-people.ts'),
  'speech-paraphrases': async () => await import('./speech-paraphrases.ts'),
  'speech-dictation': async () => await import('./speech-dictation.ts'),
  'speech-accuracy': async () => await import('./speech-accuracy.ts'),
  'speech-cost': async () => await import('./speech-cost.ts'),
  'speech-latency': async () => await import('./speech-latency.ts'),
  fleet: async () => await import('./fleet.ts'),
  'speech-rejection': async () => await import('./speech-rejection.ts'),
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    /** Recordings of people and what belongs to them, for the benchmarks of speech. */
    manifest: { type: 'string' },
    domain: { type: 'string' },
    noise: { type: 'string' },
    /** A smaller run: so many recordings of a set, kills or cuts; so many minutes of a sound. */
    limit: { type: 'string' },
    minutes: { type: 'string' },
  },
})
const [name = ''] = positionals
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (load === undefined) {
  process.stderr.write(
    `usage: npm run bench -- NAME [--json] [--manifest FILE --domain FILE --noise FILE] [--limit N] [--minutes N]\nbenchmarks: ${Object.keys(BENCHES).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  const bench = await load()
  const report = await bench.run((line) => process.stderr.write(`${line}\n`), values)
  process.stdout.write(`${values.json ? JSON.stringify(report) : renderReport(report)}\n`)
}
