/**
 * The delta codec against the entropy of the differences and against bsdiff, zstd and xdelta3 on the same pairs: models that ship and what
 * became of them by training on and quantising anew, and pairs of 28 MB each changed in one way by a seed. Every delta is decoded, file to file, in a process of its own.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { encodeDelta } from '../../rollout/delta/encode.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { floorBytes } from './delta/floor.ts'
import type { ModelPair } from './delta/model-pair.ts'
import { deltaOf, installedPeers, PEER_NAMES, type Peer, type PeerDelta } from './delta/peers.ts'
import { syntheticPairs } from './delta/synthetic-models.ts'
import { tunedPairs } from './delta/tuned-models.ts'
import { quantile, type BenchReport, type BenchRow } from './report.ts'

const MB = 1_000_000
/** How often each is encoded: the median is told, since a first run also compiles the code. */
const ENCODINGS = 5
const FLOOR_GOALS = { frozen: 1.02, moved: 1.1 } as const
/** On the pair of 9.3 %. */
const PEER_GOALS: Readonly<Record<Peer, number>> = { bsdiff: 1.15, zstd: 2.2, xdelta3: 4.5 }
const NINE_PERCENT = '9.3 % of weights by 1'
const LEAST_CPU_RATIO = 40
const MOST_OVER_OUTPUT_MB = 8

interface Measured {
  readonly pair: Omit<ModelPair, 'base' | 'target'>
  readonly bytes: number
  readonly targetBytes: number
  readonly floor: number
  readonly cpuSeconds: number
  readonly decoding: Decoding
  readonly peers: ReadonlyMap<Peer, PeerDelta>
}

const DecodingSchema = v.object({ grownBytes: v.number(), cpuSeconds: v.number() })
type Decoding = v.InferOutput<typeof DecodingSchema>

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const peers = installedPeers(progress)
  const measured: Measured[] = []
  for await (const pair of pairs(progress)) {
    const one = measure(pair, peers)
    measured.push(one)
    progress(
      `${pair.name}: ${one.bytes} bytes, floor ${Math.round(one.floor)}, ${[...one.peers].map(([peer, { bytes }]) => `${peer} ${bytes}`).join(', ')}`,
    )
  }
  return { bench: 'delta', rows: [...measured.flatMap(rowsOfPair), ...rowsOfAll(measured)] }
}

async function* pairs(progress: (line: string) => void): AsyncGenerator<ModelPair> {
  yield* tunedPairs(progress)
  progress('making a model of 28 MB')
  yield* syntheticPairs()
}

function measure(pair: ModelPair, peers: readonly Peer[]): Measured {
  const { base, target, ...rest } = pair
  const dir = mkdtempSync(join(tmpdir(), 'starling-bench-delta-'))
  try {
    const times: number[] = []
    let bytes = new Uint8Array(0)
    for (let round = 0; round < ENCODINGS; round += 1) {
      const before = process.cpuUsage()
      bytes = Uint8Array.from(encodeDelta(base, target).bytes)
      const { user, system } = process.cpuUsage(before)
      times.push((user + system) / 1e6)
    }
    writeFileSync(join(dir, 'base'), base)
    writeFileSync(join(dir, 'target'), target)
    writeFileSync(join(dir, 'delta'), bytes)
    writeFileSync(
      join(dir, 'target.json'),
      JSON.stringify({ sha256: sha256Hex(target), sizeBytes: target.length }),
    )
    const decoding = decode(dir)
    if (Buffer.compare(readFileSync(join(dir, 'made')), target) !== 0)
      throw new RangeError(`${pair.name} came out wrong`)
    const made = peers.flatMap((peer) => {
      const delta = deltaOf(peer, dir)
      return delta === null ? [] : [[peer, delta] as const]
    })
    return {
      pair: rest,
      bytes: bytes.length,
      targetBytes: target.length,
      floor: floorBytes(base, target),
      cpuSeconds: quantile(times, 0.5),
      decoding,
      peers: new Map(made),
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function decode(dir: string): Decoding {
  const entry = fileURLToPath(workerEntry(import.meta.url, './delta/decode.process.ts'))
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, dir], { encoding: 'utf8' })
  if (status !== 0) throw new RangeError(`the decoder failed: ${stderr}`)
  return v.parse(DecodingSchema, JSON.parse(stdout))
}

function rowsOfPair(one: Measured): readonly BenchRow[] {
  const { name, scales } = one.pair
  const bsdiff = one.peers.get('bsdiff')
  return [
    { name: `${name}: delta`, value: one.bytes, unit: 'bytes', baseline: one.targetBytes },
    {
      name: `${name}: delta / entropy floor, ${scales} scales`,
      value: one.bytes / one.floor,
      unit: 'x',
      baseline: Math.round(one.floor),
      goal: { op: '<=', value: FLOOR_GOALS[scales] },
    },
    ...[...one.peers].map(([peer, { bytes }]): BenchRow => ({
      name: `${name}: ${peer} / delta`,
      value: bytes / one.bytes,
      unit: 'x',
      baseline: bytes,
      // Smaller than each on every pair; on one of them by so much.
      goal: { op: '>=', value: name === NINE_PERCENT ? PEER_GOALS[peer] : 1 },
    })),
    ...(bsdiff === undefined
      ? []
      : [
          {
            name: `${name}: bsdiff / delta, processor time to encode`,
            value: bsdiff.cpuSeconds / one.cpuSeconds,
            unit: 'x',
            baseline: bsdiff.cpuSeconds,
            goal: { op: '>=' as const, value: LEAST_CPU_RATIO },
          },
        ]),
    {
      name: `${name}: decoder's memory besides its output, which goes to a file`,
      value: one.decoding.grownBytes / MB,
      unit: 'MB',
      baseline: one.targetBytes / MB,
      goal: { op: '<=', value: MOST_OVER_OUTPUT_MB },
    },
    {
      name: `${name}: processor time to decode`,
      value: one.decoding.cpuSeconds,
      unit: 's',
      baseline: one.cpuSeconds,
    },
  ]
}

/** The worst of all pairs. */
function rowsOfAll(measured: readonly Measured[]): readonly BenchRow[] {
  const least = (values: readonly number[]): number => Math.min(...values)
  const floors = (['frozen', 'moved'] as const).map((scales): BenchRow => ({
    name: `worst delta / entropy floor, ${scales} scales`,
    value: Math.max(
      ...measured.filter(({ pair }) => pair.scales === scales).map(({ bytes, floor }) => bytes / floor),
    ),
    unit: 'x',
    goal: { op: '<=', value: FLOOR_GOALS[scales] },
  }))
  const peers = PEER_NAMES.flatMap((peer): BenchRow[] => {
    const ratios = measured.flatMap(({ bytes, peers: all }) =>
      [all.get(peer)].flatMap((delta) => (delta === undefined ? [] : [delta.bytes / bytes])),
    )
    return ratios.length === 0
      ? []
      : [{ name: `least ${peer} / delta`, value: least(ratios), unit: 'x', goal: { op: '>=', value: 1 } }]
  })
  const sum = (of: (one: Measured) => number): number => measured.reduce((all, one) => all + of(one), 0)
  const bsdiffSeconds = sum(({ peers: all }) => all.get('bsdiff')?.cpuSeconds ?? 0)
  return [
    ...floors,
    ...peers,
    ...(bsdiffSeconds === 0
      ? []
      : [
          {
            name: 'bsdiff / delta, processor time to encode all pairs',
            value: bsdiffSeconds / sum(({ cpuSeconds }) => cpuSeconds),
            unit: 'x',
            baseline: bsdiffSeconds,
            goal: { op: '>=' as const, value: LEAST_CPU_RATIO },
          },
        ]),
    {
      name: "most of decoder's memory besides its output",
      value: Math.max(...measured.map(({ decoding }) => decoding.grownBytes / MB)),
      unit: 'MB',
      goal: { op: '<=', value: MOST_OVER_OUTPUT_MB },
    },
  ]
}
