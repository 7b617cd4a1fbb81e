/** What an update costs a site's link: twenty agents on one real leaf move from one release to the next, by a delta, and by whole files. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onnxFile } from '../../edge-agent/domain-build/onnx-file.ts'
import { seededRandom } from '../../edge-agent/domain-build/random.ts'
import { openSite, type Site } from '../fabric/site.ts'
import type { BenchOptions, BenchReport, BenchRow } from './report.ts'

const AGENTS = 20
/** The goal: one delta, or one full blob where there is no delta, and 5 % for everything else that is said. */
const GOAL = 1.05
const LAYERS = 6
const WIDTH = 1_536
/** How far each weight of a model that was quantised anew lies from where it lay, at most, in steps. */
const FARTHEST = 7
const SEED = 20_261_122

export async function run(
  progress: (line: string) => void,
  options: Pick<BenchOptions, 'limit'> = {},
): Promise<BenchReport> {
  const count = Math.min(AGENTS, Number(options.limit ?? AGENTS))
  const dir = await mkdtemp(join(tmpdir(), 'starling-bench-site-'))
  let site: Site | null = null
  try {
    site = await openSite(dir, count)
    const random = seededRandom(SEED)
    const first = weights(() => Math.round((random.next() - 0.5) * 200))
    const second = first.map((layer) =>
      layer.map((weight) => weight + Math.floor(random.next() * (2 * FARTHEST + 1)) - FARTHEST),
    )
    const [base, target] = [modelOf(first), modelOf(second)]
    const rows: BenchRow[] = []
    const whole = await moved(site, '1.0.0', base, progress)
    rows.push(...rowsOf(`one full blob, ${count} agents`, whole, base.length))
    progress('making the delta')
    const deltaBytes = await site.offerDelta(base, target)
    const changed = await moved(site, '1.1.0', target, progress)
    rows.push({ name: 'the delta', value: deltaBytes, unit: 'bytes', baseline: target.length })
    rows.push(...rowsOf(`one delta, ${count} agents`, changed, deltaBytes))
    return { bench: 'site', rows }
  } finally {
    await site?.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Everything that crossed the link, both ways, until every agent had committed. */
async function moved(
  site: Site,
  version: string,
  model: Uint8Array,
  progress: (line: string) => void,
): Promise<number> {
  const bundle = await site.release({ 'model.onnx': model }, version)
  const before = site.link.bytes()
  const outcomes = await Promise.all(site.agents.map(async (agent) => await agent.take(bundle)))
  const after = site.link.bytes()
  const bad = outcomes.find(({ kind }) => kind !== 'committed')
  if (bad !== undefined) throw new Error(`an agent did not commit ${version}: ${JSON.stringify(bad)}`)
  const total = after.up + after.down - before.up - before.down
  progress(`${version}: ${outcomes.length} agents committed, ${total} bytes over the link`)
  return total
}

function rowsOf(name: string, bytes: number, ideal: number): readonly BenchRow[] {
  return [
    { name: `bytes over the link: ${name}`, value: bytes, unit: 'bytes', baseline: ideal },
    { name: `times: ${name}`, value: bytes / ideal, unit: 'x', goal: { op: '<=', value: GOAL } },
  ]
}

function weights(next: () => number): readonly Int8Array[] {
  return Array.from({ length: LAYERS }, () => Int8Array.from({ length: WIDTH * WIDTH }, next))
}

function modelOf(layers: readonly Int8Array[]): Uint8Array {
  return onnxFile({
    name: 'site',
    nodes: layers.flatMap((_, at) => [
      { type: 'DequantizeLinear', inputs: [`w${at}`, 'scale'], output: `f${at}` },
      { type: 'MatMul', inputs: [at === 0 ? 'in' : `h${at - 1}`, `f${at}`], output: `h${at}` },
    ]),
    tensors: [
      ...layers.map((values, at) => ({ name: `w${at}`, shape: [WIDTH, WIDTH], values })),
      { name: 'scale', shape: [1], values: Float32Array.of(0.01) },
    ],
    inputs: [{ name: 'in', shape: [1, WIDTH] }],
    outputs: [{ name: `h${LAYERS - 1}`, shape: [1, WIDTH] }],
  })
}
