/** Takes a new device in: keys made here, the token shown once, the answer checked before anything of it is stored. */
import * as v from 'valibot'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import { makeUserKey } from '../../shared/fabric/credentials.ts'
import { openPolicy, type SignedPolicy } from '../../shared/policy/signed-policy.ts'
import { generateKeyPair, loadPublicKey } from '../../shared/signing/ed25519.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import {
  ENROL_PATH,
  EnrolAnswerSchema,
  EnrolRequestSchema,
  proofBytes,
  type EnrolAnswer,
} from '../../shared/wire/enrolment.ts'
import { storeIdentity } from './identity.ts'
import { storePolicy } from './held-policy.ts'

const ANSWER_WITHIN_MS = 30_000

export class EnrolmentRefused extends StarlingError {
  override readonly code = 'enrolment_refused'
}

export class CentreNotReached extends StarlingError {
  override readonly code = 'centre_not_reached'
}

/** Enrols at `hub`. Throws {@link EnrolmentRefused} with the centre's own reason, or {@link CentreNotReached}. */
export async function enrol(
  folder: string,
  wish: {
    readonly hub: string
    readonly token: string
    readonly device: string
    readonly site: string
    readonly signal: AbortSignal
  },
): Promise<SignedPolicy> {
  const key = generateKeyPair()
  const user = makeUserKey()
  const leaf = makeUserKey()
  const claim = {
    v: 1 as const,
    token: wish.token,
    device: wish.device,
    site: wish.site,
    publicKey: key.publicKey.text,
    userKey: user.publicKey,
    leafKey: leaf.publicKey,
  }
  const request = { claim, proof: Buffer.from(key.sign(proofBytes(claim))).toString('base64') }
  const parsed = v.safeParse(EnrolRequestSchema, request)
  if (!parsed.success) throw refused(describeIssues(parsed.issues), 'Check the token and the names.')
  const answer = await post(new URL(ENROL_PATH, wish.hub), request, wish.signal)
  if (answer.device !== wish.device || answer.site !== wish.site)
    throw refused('the centre answered for another device', 'Ask for a new token.')
  const { policy: envelope, ...rest } = answer
  const policy = openPolicy(envelope, {
    keys: answer.keys.policy.map((text) => loadPublicKey(text)),
    environment: answer.environment,
    held: null,
  })
  storePolicy(folder, policy)
  // Last: whoever finds an identity finds the policy too.
  storeIdentity(folder, { v: 1, seed: key.seedText, userSeed: user.seed, leafSeed: leaf.seed, answer: rest })
  return policy
}

async function post(url: URL, request: object, signal: AbortSignal): Promise<EnrolAnswer> {
  let status: number
  let value: unknown
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    })
    status = answer.status
    value = await answer.json()
  } catch (cause) {
    signal.throwIfAborted()
    throw new CentreNotReached(`the centre at ${url.origin} was not reached: ${(cause as Error).message}`, {
      remedy: 'Check the address and that the centre runs; the token is still good.',
      cause,
    })
  }
  if (status >= 400) {
    const report = value as Partial<ErrorReport>
    throw refused(report.message ?? `it answered ${status}`, report.remedy ?? 'Ask for a new token.')
  }
  const parsed = v.safeParse(EnrolAnswerSchema, value)
  if (parsed.success) return parsed.output
  throw refused(
    `its answer cannot be used: ${describeIssues(parsed.issues)}`,
    'Run the same version on both sides.',
  )
}

function refused(why: string, remedy: string): EnrolmentRefused {
  return new EnrolmentRefused(`the device was not enrolled: ${why}`, { remedy })
}
