/**
 * `npm run soak -- [--runs 100] [--seed 1] [--json]`: many seeded runs of the kill test, one after the other. A failing seed is
 * printed with what its processes said, and can be run again alone: `--runs 1 --seed N`. Exit code 1 when one failed.
 */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import { runOnce, type RunResult } from './run.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
const first = Number(values.seed)
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(first)) {
  process.stderr.write('usage: soak [--runs NUMBER] [--seed NUMBER] [--json]\n')
  process.exit(2)
}
const { path: binary, version } = await findNatsServer({
  env: process.env,
  cacheDir: tmpdir(),
  mayInstall: false,
  onProgress: (line) => process.stderr.write(`${line}\n`),
  signal: new AbortController().signal,
})
const results: RunResult[] = []
for (let index = 0; index < runs; index++) {
  const result = await runOnce({ seed: first + index, binary })
  results.push(result)
  process.stderr.write(`${String(index + 1).padStart(4)}/${runs} ${describe(result)}\n`)
  for (const note of result.notes) process.stderr.write(`       ${note}\n`)
}
const failed = results.filter(({ failures }) => failures.length > 0)
const summary = {
  soak: 'fabric',
  natsServer: version,
  runs,
  failedSeeds: failed.map(({ seed }) => seed),
  faults: results.reduce((sum, { faults }) => sum + faults.length, 0),
  acked: results.reduce((sum, { acked }) => sum + acked, 0),
  stored: results.reduce((sum, { stored }) => sum + stored, 0),
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(summary)}\n`
    : `${runs} runs, ${summary.faults} faults, ${summary.acked} acknowledged records: ${failed.length === 0 ? 'nothing lost, nothing twice' : `FAILED seeds ${summary.failedSeeds.join(', ')}`}\n`,
)
process.exitCode = failed.length === 0 ? 0 : 1

function describe({ seed, faults, acked, stored, failures, quarantined, wallMs }: RunResult): string {
  const outcome = failures.length === 0 ? 'ok    ' : `FAILED ${failures.slice(0, 5).join('; ')}`
  const aside = Object.keys(quarantined).length === 0 ? '' : ` aside ${JSON.stringify(quarantined)}`
  return `seed ${seed} ${outcome} ${acked} acked ${stored} stored ${(wallMs / 1000).toFixed(1)} s${aside} [${faults.join(' ')}]`
}
