/** The words of `starling rollout`: what they take. */
import { InvalidArgumentError, type Command } from 'commander'
import type { CommonOptions } from './call.ts'
import type { CreateOptions } from './commands/rollout.ts'
import type { SimulateOptions } from './commands/rollout-simulate.ts'
import type { AsOption } from './operate.ts'
import { operators } from './release-words.ts'
import { common, wholeNumber, type Run } from './words.ts'

const COURSE = `
A rollout, from a published release to the whole fleet:
  starling rollout create spring --bundle speech --bundle-version 1.2.0
  starling rollout approve spring --key anna      somebody else than its author; then its first ring opens
  starling rollout watch spring                   how it goes, a line a change
  starling rollout explain spring                 what its gates said, and why
  starling rollout promote spring --key anna --reason "…"   the ring passes although its gates hold: a few
                                                  devices cannot show everything
  starling rollout halt spring --reason "…"       anybody may: every device goes back to what it ran before
  starling rollout resume spring --key anna       after a halt, two different people sign, each with their key

"starling registry --help" says how people and keys are entered. Until a gate has evidence it holds: a ring is
promoted by evidence, after its dwell time, and halted by evidence at any moment.`

type Common = CommonOptions & AsOption

export function addRollout(program: Command, run: Run): void {
  const rollout = program
    .command('rollout')
    .description('bring a bundle to the fleet, ring by ring')
    .addHelpText('after', COURSE)
    .exitOverride()
  addCreate(rollout, run)
  addLooks(rollout, run)
  addDecisions(rollout, run)
  addSimulate(rollout, run)
}

function addCreate(rollout: Command, run: Run): void {
  operators(rollout.command('create <campaign>'))
    .description('declare a campaign: which release, by which rings; nothing moves before it is approved')
    .requiredOption('--bundle <name>', 'the bundle')
    .requiredOption('--bundle-version <version>', 'a published version, newer than what is stable')
    .option('--rings <shares>', 'shares of the fleet, the last one 1 (default: 0.01,0.1,0.5,1)', shares)
    .option('--dwell-minutes <n>', 'how long each ring is watched at least', wholeNumber(1, 129_600))
    .option('--approvals <n>', 'how many others have to sign', wholeNumber(1, 5))
    .option('--emergency', 'fewer rings and short waiting; approved, signed and judged all the same', false)
    .option('--plan <file.json>', 'any fields of the plan, in the place of what is filled in')
    .action(async (campaign: string, options: Common & CreateOptions) => {
      const { rolloutCreate } = await import('./commands/rollout.ts')
      await run(async (call) => await rolloutCreate(call, campaign, options))(options)
    })
}

function addLooks(rollout: Command, run: Run): void {
  operators(rollout.command('status [campaign]'))
    .description('how far a campaign is; without one, all of them')
    .action(async (campaign: string | undefined, options: Common) => {
      const { rolloutStatus } = await import('./commands/rollout.ts')
      await run(async (call) => await rolloutStatus(call, campaign, options))(options)
    })
  operators(rollout.command('watch <campaign>'))
    .description('follow a campaign until it is over, complete or halted; --json: a JSON value a change')
    .action(async (campaign: string, options: Common) => {
      const { rolloutWatch } = await import('./commands/rollout-watch.ts')
      await run(async (call) => await rolloutWatch(call, campaign, options))(options)
    })
  operators(rollout.command('explain <campaign>'))
    .description('what the gates said of each ring and why, from the evidence that was kept')
    .action(async (campaign: string, options: Common) => {
      const { rolloutExplain } = await import('./commands/rollout.ts')
      await run(async (call) => await rolloutExplain(call, campaign, options))(options)
    })
}

const DECISIONS = [
  ['pause', 'no further device begins; those that have the candidate keep it'],
  ['resume', 'go on after a pause; after a halt, once two different people have signed (--key)'],
  ['halt', 'stop at once; every device goes back to what it ran before'],
  ['cancel', 'end a campaign for good; every device goes back to what it ran before'],
] as const

function addDecisions(rollout: Command, run: Run): void {
  operators(rollout.command('approve <campaign>'))
    .description('sign the plan with your key; its author cannot')
    .requiredOption('--key <file>', 'the secret half that `starling keys new` made')
    .action(async (campaign: string, options: Common & { readonly key: string }) => {
      const { rolloutApprove } = await import('./commands/rollout.ts')
      await run(async (call) => await rolloutApprove(call, campaign, options))(options)
    })
  operators(rollout.command('promote <campaign>'))
    .description(
      'sign that the open ring may pass although its gates hold, where nothing more can be shown; not the author',
    )
    .requiredOption('--key <file>', 'the secret half that `starling keys new` made')
    .requiredOption('--reason <text>', 'what you know that the gates do not; it is signed and kept')
    .action(async (campaign: string, options: Common & { readonly key: string; readonly reason: string }) => {
      const { rolloutPromote } = await import('./commands/rollout.ts')
      await run(async (call) => await rolloutPromote(call, campaign, options))(options)
    })
  for (const [word, does] of DECISIONS) {
    const command = operators(rollout.command(`${word} <campaign>`))
      .description(does)
      .option('--reason <text>', 'why, for the record', 'by an operator')
    if (word === 'resume')
      command.option('--key <file>', 'your key, which signs that it may go on after a halt')
    command.action(
      async (campaign: string, options: Common & { readonly reason: string; readonly key?: string }) => {
        const { rolloutDecide } = await import('./commands/rollout.ts')
        await run(async (call) => await rolloutDecide(call, { campaign, word }, options))(options)
      },
    )
  }
}

function addSimulate(rollout: Command, run: Run): void {
  common(rollout.command('simulate'))
    .description(
      'a whole campaign over a fleet that a seed makes, on a virtual clock; the same seed prints the same bytes',
    )
    .requiredOption('--devices <n>', 'how many', wholeNumber(1, 1_000_000))
    .requiredOption('--seed <n>', 'which fleet, and what befalls it', wholeNumber(0, 2 ** 31))
    .option(
      '--regression <x>',
      'how many times as often the candidate fails as what it replaces',
      from(0, 100),
      1,
    )
    .option('--offline <share>', 'share of devices that is offline at any moment', from(0, 0.95), 0.05)
    .option(
      '--drift <x>',
      'by how much of the usual rate it fails more often with each day that it runs',
      from(0, 100),
      0,
    )
    .option(
      '--crash-loop <share>',
      'share of devices on which it kills its process when loaded',
      from(0, 1),
      0,
    )
    .option('--clock-jumps <n>', "how often a day the centre's clock jumps, up to a year", from(0, 24), 0)
    .option(
      '--rings <shares>',
      'shares of the rings, the last one 1: 0.01,0.1,1 (default: as is usual for such a fleet)',
      shares,
    )
    .option('--emergency', 'the emergency path: fewer rings, short waiting', false)
    .action(async (options: CommonOptions & SimulateOptions) => {
      const { rolloutSimulate } = await import('./commands/rollout-simulate.ts')
      await run(async (call) => await rolloutSimulate(call, options))(options)
    })
}

function from(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= least && value <= most) return value
    throw new InvalidArgumentError(`A number from ${least} to ${most}.`)
  }
}

function shares(text: string): readonly number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const isRising = values.every((share, at) => share > (values[at - 1] ?? 0) && share <= 1)
  if (isRising && values.at(-1) === 1 && values.length <= 12) return values
  throw new InvalidArgumentError('Shares that rise to 1, 12 at most: 0.01,0.1,1.')
}
