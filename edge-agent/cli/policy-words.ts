/** The words of `starling policy`: what everybody may do, its change while all runs, and who follows it. */
import type { Command } from 'commander'
import type { CommonOptions } from './call.ts'
import type { AsOption } from './operate.ts'
import { operators } from './release-words.ts'
import { collected, common, type Run } from './words.ts'

const CHANGE = `
A change: show, edit (with the next version), check, publish. The centre signs it, follows it at once and tells every device;
each says when it follows. A device that was away takes it on its return, and none goes back to an older one. Past the
policy's expiresAt only its rules with whenExpired: true permit. In production two others sign the file first:

  starling policy show > policy.json
  starling policy check policy.json
  starling policy approve policy.json --key anna --out anna.json
  starling policy publish policy.json --approval anna.json --approval ben.json
  starling policy status`

type Common = CommonOptions & AsOption

export function addPolicy(program: Command, run: Run): void {
  const policy = program
    .command('policy')
    .description('what everybody may do: show, check and publish it; who follows it')
    .addHelpText('after', CHANGE)
    .exitOverride()
  operators(policy.command('show'))
    .description('the policy in force at the centre')
    .action(async (options: Common) => {
      const { policyShow } = await import('./commands/policy.ts')
      await run(async (call) => await policyShow(call, options))(options)
    })
  common(policy.command('check <file>'))
    .description('whether a file (JSON or YAML) could be put in force; each fault with line and field')
    .action(async (file: string, options: CommonOptions) => {
      const { policyCheck } = await import('./commands/policy.ts')
      await run(async (call) => await policyCheck(call, file))(options)
    })
  common(policy.command('approve <file>'))
    .description('sign a policy file with your key; who publishes it cannot')
    .requiredOption('--key <file>', 'the secret half that `starling keys new` made')
    .requiredOption('--out <file>', 'where the signature goes')
    .action(async (file: string, options: CommonOptions & { readonly key: string; readonly out: string }) => {
      const { policyApprove } = await import('./commands/policy.ts')
      await run(async (call) => await policyApprove(call, file, options))(options)
    })
  operators(policy.command('publish <file>'))
    .description('put it in force at the centre and on every device')
    .option('--approval <file>', 'what somebody else signed; may be repeated', collected, [])
    .action(async (file: string, options: Common & { readonly approval: readonly string[] }) => {
      const { policyPublish } = await import('./commands/policy.ts')
      await run(async (call) => await policyPublish(call, file, options))(options)
    })
  operators(policy.command('status'))
    .description('how many devices follow the policy in force, and what the others follow')
    .action(async (options: Common) => {
      const { policyStatus } = await import('./commands/policy.ts')
      await run(async (call) => await policyStatus(call, options))(options)
    })
}
