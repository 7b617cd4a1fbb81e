/**
 * The smoke test's own process: opens the bundle in the folder that it was given, which runs its golden inputs, takes the time
 * of some real work with it, and says in one line what came of it. It may crash, hang or run out of memory: nobody's turn
 * runs here.
 */
import { systemClock } from '../../shared/clock.ts'
import { reportError } from '../../shared/errors.ts'
import { traitsOf } from '../models-import/registry.ts'
import { openEars } from '../turn/ears.ts'
import { checkGraph, openBundleModel, type BundleModel } from './bundle-model.ts'
import { hearOnce, loadTrialGrammar, understandSome } from './exercise.ts'
import type { SmokeAnswer, SmokeWork } from './smoke.ts'

/** The fastest counts: what else the machine does is no fault of the model. */
const REPEATS = 3
const NO_NAMES = { assets: [], parts: [], workOrders: [] }
const KIB = 1_024

async function smoke({ dir, facts }: SmokeWork): Promise<SmokeAnswer> {
  const { signal } = new AbortController()
  const startedMs = performance.now()
  const model = await openBundleModel(dir, facts, { signal, threads: 1 })
  const openMs = performance.now() - startedMs
  if (model.kind === 'understanding' && facts.kind === 'domain') checkGraph(dir, model.opened)
  const times = await timed(dir, model, signal)
  await model.opened.close()
  return { kind: 'passed', openMs, ...times, memoryBytes: process.resourceUsage().maxRSS * KIB }
}

async function timed(
  dir: string,
  model: BundleModel,
  signal: AbortSignal,
): Promise<{ readonly latencyMs: number; readonly spokenMs: number | null }> {
  const rounds: number[] = []
  let spokenMs: number | null = null
  if (model.kind === 'speech') {
    const grammar = await loadTrialGrammar(model.opened)
    const traits = traitsOf(dir, 'speech')
    const ears = openEars(model.opened, grammar, { clock: systemClock, traits, voiceModel: () => null })
    for (let round = 0; round < REPEATS; round += 1) {
      const heard = await hearOnce(ears, signal)
      rounds.push(heard.tookMs)
      spokenMs = heard.spokenMs
    }
  } else {
    for (let round = 0; round < REPEATS; round += 1)
      rounds.push(Math.max(...(await understandSome(model.opened, NO_NAMES))))
  }
  return { latencyMs: Math.min(...rounds), spokenMs }
}

function say(answer: SmokeAnswer): void {
  // The runtime's threads would keep the process, and what it does at its end is no part of the test.
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(answer.kind === 'passed' ? 0 : 1))
}

smoke(JSON.parse(process.argv[2] ?? '') as SmokeWork).then(say, (thrown: unknown) =>
  say({ kind: 'failed', error: reportError(thrown) }),
)
