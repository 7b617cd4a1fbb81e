/** `starling bundle`: publishing a folder's files at the centre that runs here, and choosing which device runs which version. */
import type { Call } from '../call.ts'
import { atCentre } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile, type RunFile } from '../run-files.ts'
import { nameOf, readSource } from './folder-files.ts'
import { NoCentreHere } from './parts.ts'

export interface BundlePublishOptions {
  readonly name?: string
  readonly held: boolean
  readonly asVersion?: string
}

export async function bundlePublish(
  call: Call,
  folder: string,
  { name = nameOf(folder), held, asVersion }: BundlePublishOptions,
): Promise<ExitCode> {
  const form = new FormData()
  form.set('name', name)
  form.set('held', String(held))
  for (const [path, bytes] of await readSource(folder, asVersion))
    form.append('file', new File([Uint8Array.from(bytes)], path))
  const answer = await atCentre(hubOf(call), '/api/releases', { method: 'POST', body: form })
  const { version, files, isNew, due } = answer as Published
  call.output.answer(answer, [
    isNew
      ? `signed and published ${name} ${version} (${files} files)`
      : `${name} ${version} was published already, with these files`,
    ...(due.length === 0
      ? []
      : [`no device installs it before people have signed ${due.join(', ')}: see starling keys status`]),
    held
      ? `no device takes it by itself: starling bundle choose --device NAME --name ${name} --bundle-version ${version}`
      : `unless it is the first of its name, no device is moved by that: starling rollout create NAME --bundle ${name} --bundle-version ${version}`,
  ])
  return EXIT.ok
}

interface Published {
  readonly version: string
  readonly files: number
  readonly isNew: boolean
  readonly due: readonly string[]
}

export async function bundleList(call: Call): Promise<ExitCode> {
  const { releases } = (await atCentre(hubOf(call), '/api/releases')) as {
    releases: readonly { name: string; version: string; held: boolean; published_at: string }[]
  }
  call.output.answer(
    { releases },
    releases.map(
      ({ name, version, held, published_at }) =>
        `${name} ${version}  ${published_at}${held ? '  held: only for chosen devices' : ''}`,
    ),
  )
  return EXIT.ok
}

export async function bundleChoose(
  call: Call,
  choice: { readonly device: string; readonly name: string; readonly version: string },
): Promise<ExitCode> {
  const version = choice.version === 'stable' || choice.version === 'newest' ? null : choice.version
  const answer = await atCentre(hubOf(call), `/api/devices/${encodeURIComponent(choice.device)}/desired`, {
    method: 'PUT',
    body: JSON.stringify({ name: choice.name, version }),
  })
  call.output.answer(answer, [
    version === null
      ? `${choice.device} takes what is stable of ${choice.name} again`
      : `${choice.device} takes ${choice.name} ${version} at its next look`,
  ])
  return EXIT.ok
}

export function hubOf({ home }: Call): RunFile['hub'] {
  const hub = readRunFile(home, 'hub')
  if (hub !== null) return hub
  throw new NoCentreHere('no centre runs on this data folder', {
    remedy: 'Start it with `starling hub` or `starling up`, or name its folder with --data.',
  })
}
