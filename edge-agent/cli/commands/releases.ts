/** `starling registry`: releases at the centre that runs here, their names and approvals, and the people who sign. */
import { loadPublicKey } from '../../../shared/signing/ed25519.ts'
import { RELEASE_APPROVAL_TYPE, signStatement } from '../../../shared/wire/approval.ts'
import { verifyPromotionChain } from '../../../rollout/promotion/verify-chain.ts'
import { PromotionChainSchema } from '../../../shared/wire/promotion-chain.ts'
import { decodeJson } from '../../../shared/wire/answer.ts'
import type { Call } from '../call.ts'
import { operating, readPersonKey, readPersonPublicKey, type AsOption } from '../operate.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { json, readBytes, writeNew } from './key-files.ts'

interface Release {
  readonly name: string
  readonly version: string
}
type Listed = {
  readonly releases: readonly (Release & { readonly publishedAt: string; readonly retired: boolean })[]
  readonly aliases: readonly (Release & { readonly alias: string })[]
}
type Shown = Release & {
  readonly author: string
  readonly envelopeSha256: string
  readonly environment: 'development' | 'production'
  readonly base: string | null
  readonly tags: readonly string[]
  readonly aliases: readonly string[]
  readonly metrics: readonly { readonly name?: string }[]
  readonly provenance: { readonly predicateType: string } | null
  readonly evaluation: { readonly predicateType: string } | null
  readonly approvals: readonly { readonly person: string; readonly at: string }[]
  readonly transitions: readonly { readonly kind: string; readonly by: string; readonly at: string }[]
}

export async function registryList(call: Call, name: string | undefined, as: AsOption): Promise<ExitCode> {
  const all = (await operating(call, as).get('/api/registry')) as Listed
  const isAsked = (one: Release): boolean => name === undefined || one.name === name
  const shown = { releases: all.releases.filter(isAsked), aliases: all.aliases.filter(isAsked) }
  const namesOf = (release: Release): string =>
    shown.aliases
      .flatMap((one) => (one.name === release.name && one.version === release.version ? [one.alias] : []))
      .join(', ')
  call.output.answer(
    shown,
    shown.releases.length === 0
      ? ['Nothing is published.']
      : shown.releases.map(
          (release) =>
            `${release.name} ${release.version}  ${release.publishedAt}  ${release.retired ? 'retired' : namesOf(release)}`,
        ),
  )
  return EXIT.ok
}

export async function registryShow(call: Call, release: Release, as: AsOption): Promise<ExitCode> {
  const shown = await found(call, release, as)
  const people = shown.approvals.map(({ person }) => person).join(', ')
  call.output.answer(shown, [
    `${shown.name} ${shown.version}, for ${shown.environment}, by ${shown.author}`,
    `  bytes       ${shown.envelopeSha256}`,
    `  aliases     ${shown.aliases.join(', ') || 'none'}`,
    `  tags        ${shown.tags.join(', ') || 'none'}`,
    `  base        ${shown.base ?? 'none'}`,
    `  provenance  ${shown.provenance?.predicateType ?? 'none'}`,
    `  evaluation  ${shown.evaluation?.predicateType ?? 'none'}`,
    `  metrics     ${shown.metrics.map((metric) => metric.name ?? '?').join(', ') || 'none'}`,
    `  approvals   ${people || 'none'}`,
    ...shown.transitions.map(({ kind, by, at }) => `  ${at}  ${kind} by ${by}`),
  ])
  return EXIT.ok
}

export async function registryChain(
  call: Call,
  name: string,
  options: AsOption & { readonly alias: string; readonly out: string },
): Promise<ExitCode> {
  const path = `/api/registry/${encodeURIComponent(name)}/aliases/${encodeURIComponent(options.alias)}/chain`
  const chain = await operating(call, options).get(path)
  writeNew(options.out, json(chain))
  call.output.answer({ out: options.out }, [`wrote ${options.out}; verify it with starling registry verify`])
  return EXIT.ok
}

export async function registryVerify(
  call: Call,
  file: string,
  keys: { readonly policyKey: string; readonly releaseKey: string },
): Promise<ExitCode> {
  const chain = decodeJson(PromotionChainSchema, readBytes(file))
  const said = verifyPromotionChain(chain, {
    policyKey: loadPublicKey(keys.policyKey),
    releaseKey: loadPublicKey(keys.releaseKey),
  })
  call.output.answer({ holds: true, ...said }, [
    `holds: ${said.name} ${said.version} became "${said.alias}" in ${said.environment} at ${said.at}, by ${said.by}`,
    `       published by ${said.author}; ${said.needed} approvals were needed, these are here: ${said.approvers.join(', ') || 'none'}`,
    said.campaign === null
      ? '       moved without a campaign'
      : `       at the end of the campaign ${said.campaign.campaign}, by its rings ${said.campaign.rings.map(({ ring }) => ring).join(', ')}`,
    said.evaluation.against === null
      ? `       compared with nothing: ${said.evaluation.returns ? 'it had the name before' : 'nothing had the name'}`
      : `       evaluated no worse than ${said.evaluation.against.version}`,
  ])
  return await Promise.resolve(EXIT.ok)
}

export async function registryKeys(call: Call, as: AsOption): Promise<ExitCode> {
  const keys = (await operating(call, as).get('/api/keys')) as { policy: string; release: string }
  call.output.answer(keys, [`policy   ${keys.policy}`, `release  ${keys.release}`])
  return EXIT.ok
}

export async function registryPromote(
  call: Call,
  { name, version }: Release,
  options: AsOption & { readonly alias: string; readonly expect?: string },
): Promise<ExitCode> {
  const centre = operating(call, options)
  const { aliases } = (await centre.get(`/api/registry/${encodeURIComponent(name)}/aliases`)) as {
    aliases: readonly { readonly alias: string; readonly version: string }[]
  }
  const held = aliases.find(({ alias }) => alias === options.alias)?.version ?? null
  const expected = options.expect === undefined ? held : options.expect === 'none' ? null : options.expect
  const path = `/api/registry/${encodeURIComponent(name)}/aliases/${encodeURIComponent(options.alias)}`
  const moved = (await centre.send('PUT', path, { version, expected })) as { approvers: readonly string[] }
  const approved = moved.approvers.length === 0 ? '' : `, approved by ${moved.approvers.join(', ')}`
  call.output.answer(moved, [
    `"${options.alias}" of ${name}: ${expected ?? 'nothing'} -> ${version}${approved}`,
  ])
  return EXIT.ok
}

export async function registryApprove(
  call: Call,
  release: Release,
  options: AsOption & { readonly key: string },
): Promise<ExitCode> {
  const centre = operating(call, options)
  const key = readPersonKey(options.key)
  const { name, version } = release
  const { envelopeSha256, environment } = await found(call, release, options)
  const { approvers } = (await centre.get('/api/approvers')) as {
    approvers: readonly { readonly keyId: string; readonly person: string }[]
  }
  const person = approvers.find(({ keyId }) => keyId === key.publicKey.id)?.person ?? 'unknown'
  const statement = {
    v: 1,
    name,
    version,
    envelopeSha256,
    environment,
    person,
    at: new Date().toISOString(),
  } as const
  const envelope = signStatement(RELEASE_APPROVAL_TYPE, statement, key)
  const answer = await centre.send('POST', `${pathOf(release)}/approvals`, { envelope })
  call.output.answer(answer, [`${person} approved ${name} ${version}`])
  return EXIT.ok
}

export async function registryTag(
  call: Call,
  { tag, ...release }: Release & { readonly tag: string },
  as: AsOption,
): Promise<ExitCode> {
  const answer = await operating(call, as).send('POST', `${pathOf(release)}/tags`, { tag })
  call.output.answer(answer, [`${release.name} ${release.version} bears the tag ${tag}`])
  return EXIT.ok
}

export async function registryRetire(
  call: Call,
  release: Release,
  options: AsOption & { readonly reason: string },
): Promise<ExitCode> {
  const { reason } = options
  const answer = await operating(call, options).send('POST', `${pathOf(release)}/retire`, { reason })
  call.output.answer(answer, [`${release.name} ${release.version} is retired`])
  return EXIT.ok
}

export async function personList(call: Call, as: AsOption): Promise<ExitCode> {
  const answer = (await operating(call, as).get('/api/approvers')) as {
    approvers: readonly {
      readonly keyId: string
      readonly person: string
      readonly addedAt: string
      readonly removedAt: string | null
    }[]
  }
  call.output.answer(
    answer,
    answer.approvers.length === 0
      ? ['No key is entered.']
      : answer.approvers.map(
          ({ keyId, person, addedAt, removedAt }) =>
            `${person}  ${keyId}  since ${addedAt}${removedAt === null ? '' : `, removed ${removedAt}`}`,
        ),
  )
  return EXIT.ok
}

export async function personAdd(
  call: Call,
  person: string,
  options: AsOption & { readonly key: string },
): Promise<ExitCode> {
  const body = { person, publicKey: readPersonPublicKey(options.key) }
  const answer = (await operating(call, options).send('POST', '/api/approvers', body)) as { keyId: string }
  call.output.answer(answer, [`the key ${answer.keyId} speaks for ${person}`])
  return EXIT.ok
}

export async function personRemove(call: Call, keyId: string, as: AsOption): Promise<ExitCode> {
  const path = `/api/approvers/${encodeURIComponent(keyId)}`
  const answer = (await operating(call, as).send('DELETE', path)) as { person: string }
  call.output.answer(answer, [`the key speaks for ${answer.person} no more`])
  return EXIT.ok
}

export async function personAccess(
  call: Call,
  person: string,
  options: AsOption & { readonly out: string; readonly role: string },
): Promise<ExitCode> {
  const { out, role } = options
  const { token } = (await operating(call, options).send('POST', '/api/access', { person, role })) as {
    token: string
  }
  writeNew(out, token, 0o600)
  call.output.answer({ person, role, out }, [`wrote ${out}: ${person} calls the centre with --as ${out}`])
  return EXIT.ok
}

async function found(call: Call, release: Release, as: AsOption): Promise<Shown> {
  return (await operating(call, as).get(pathOf(release))) as Shown
}

function pathOf({ name, version }: Release): string {
  return `/api/registry/${encodeURIComponent(name)}/${encodeURIComponent(version)}`
}
