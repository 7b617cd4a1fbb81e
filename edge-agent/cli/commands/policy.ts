/** `starling policy`: the policy of the centre that runs here, its change, and who follows it. */
import type { ExpiryNotice } from '../../../shared/policy/expiry.ts'
import { policyDigest } from '../../../shared/policy/signed-policy.ts'
import { EnvelopeSchema } from '../../../shared/signing/envelope.ts'
import { decodeJson } from '../../../shared/wire/answer.ts'
import { POLICY_APPROVAL_TYPE, signStatement } from '../../../shared/wire/approval.ts'
import type { ReportedPolicy } from '../../../shared/wire/state.ts'
import type { Call } from '../call.ts'
import { operating, readPersonKey, type AsOption } from '../operate.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readPolicyFile } from '../policy-file.ts'
import { json, readBytes, writeNew } from './key-files.ts'

type Shown = { readonly version: number; readonly digest: string; readonly policy: object }
type Published = { readonly version: number; readonly digest: string; readonly approvers: readonly string[] }
export type Status = {
  readonly version: number
  readonly digest: string
  readonly expiresAt: string
  readonly notice: Pick<ExpiryNotice, 'message' | 'remedy'> | null
  readonly devices: number
  readonly following: number
  readonly refusing: number
  readonly waiting: readonly {
    readonly device: string
    readonly said: ReportedPolicy | null
    readonly seenAt: string | null
  }[]
}

/** For people the document alone, to be kept in a file, changed and published. */
export async function policyShow(call: Call, as: AsOption): Promise<ExitCode> {
  const shown = (await operating(call, as).get('/api/policy')) as Shown
  call.output.answer(shown, [JSON.stringify(shown.policy, null, 2)])
  return EXIT.ok
}

/** Without a centre. */
export async function policyCheck(call: Call, file: string): Promise<ExitCode> {
  const document = readPolicyFile(file, Date.now())
  const { name, version, environment, rules, expiresAt } = document
  const digest = policyDigest(document)
  call.output.answer({ holds: true, name, version, environment, digest, rules: rules.length, expiresAt }, [
    `holds: ${name} ${version} for ${environment}, ${rules.length} rules, until ${expiresAt}`,
    `       ${digest}`,
  ])
  return await Promise.resolve(EXIT.ok)
}

export async function policyApprove(
  call: Call,
  file: string,
  options: { readonly key: string; readonly out: string },
): Promise<ExitCode> {
  const document = readPolicyFile(file, Date.now())
  const key = readPersonKey(options.key)
  const { environment, name, version } = document
  const digest = policyDigest(document)
  const statement = { v: 1, policyDigest: digest, environment, at: new Date().toISOString() } as const
  writeNew(options.out, json(signStatement(POLICY_APPROVAL_TYPE, statement, key)))
  call.output.answer({ out: options.out, digest }, [
    `wrote ${options.out}: whoever publishes ${name} ${version} gives it with --approval`,
  ])
  return await Promise.resolve(EXIT.ok)
}

export async function policyPublish(
  call: Call,
  file: string,
  options: AsOption & { readonly approval: readonly string[] },
): Promise<ExitCode> {
  const document = readPolicyFile(file, Date.now())
  const approvals = options.approval.map((path) => decodeJson(EnvelopeSchema, readBytes(path)))
  const answer = await operating(call, options).send('PUT', '/api/policy', { document, approvals })
  const { version, approvers } = answer as Published
  const approved = approvers.length === 0 ? '' : `, approved by ${approvers.join(', ')}`
  call.output.answer(answer, [
    `the policy ${version} is in force at the centre${approved}; devices are told (starling policy status)`,
  ])
  return EXIT.ok
}

export async function policyStatus(call: Call, as: AsOption): Promise<ExitCode> {
  const status = (await operating(call, as).get('/api/policy/status')) as Status
  call.output.answer(status, statusLines(status))
  return EXIT.ok
}

export function statusLines(status: Status): readonly string[] {
  const { following, devices, version, expiresAt, notice, waiting } = status
  return [
    `${following} of ${devices} devices have the policy ${version} (until ${expiresAt})`,
    ...(notice === null ? [] : [`WARNING: ${notice.message}.`, `  ${notice.remedy}`]),
    ...waiting.map(({ device, said, seenAt }) => {
      const held = said === null ? 'said nothing of a policy' : `has ${said.version}`
      const refused = said?.refused == null ? '' : `, refused the newer one: ${said.refused}`
      return `  ${device}  ${held}${refused}, ${seenAt === null ? 'never seen' : `seen ${seenAt}`}`
    }),
  ]
}
