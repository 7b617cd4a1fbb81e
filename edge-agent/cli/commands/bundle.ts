/** `starling bundle`: publishing a folder's files at the centre that runs here, and choosing which device runs which version. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { StarlingError } from '../../../shared/errors.ts'
import type { Call } from '../call.ts'
import { atCentre } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile, type RunFile } from '../run-files.ts'
import { NoCentreHere } from './parts.ts'

export interface BundlePublishOptions {
  readonly name: string
  readonly held: boolean
  readonly asVersion?: string
}

/** The folder cannot be read, or holds nothing. */
export class FolderRefused extends StarlingError {
  override readonly code = 'folder_refused'
}

export async function bundlePublish(
  call: Call,
  folder: string,
  { name, held, asVersion }: BundlePublishOptions,
): Promise<ExitCode> {
  const form = new FormData()
  form.set('name', name)
  form.set('held', String(held))
  for (const path of filesUnder(folder))
    form.append('file', new File([contentOf(path, asVersion)], relative(folder, path).split(sep).join('/')))
  const answer = await atCentre(hubOf(call), '/api/releases', { method: 'POST', body: form })
  const { version, files, isNew } = answer as { version: string; files: number; isNew: boolean }
  call.output.answer(answer, [
    isNew
      ? `signed and published ${name} ${version} (${files} files)`
      : `${name} ${version} was published already, with these files`,
    held
      ? `no device takes it by itself: starling bundle choose --device NAME --name ${name} --bundle-version ${version}`
      : 'devices take it at their next look, unless another version is chosen for them',
  ])
  return EXIT.ok
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
  const version = choice.version === 'newest' ? null : choice.version
  const answer = await atCentre(hubOf(call), `/api/devices/${encodeURIComponent(choice.device)}/desired`, {
    method: 'PUT',
    body: JSON.stringify({ name: choice.name, version }),
  })
  call.output.answer(answer, [
    version === null
      ? `${choice.device} takes the newest ${choice.name} again`
      : `${choice.device} takes ${choice.name} ${version} at its next look`,
  ])
  return EXIT.ok
}

/** Devices never go back to an older version: what ran before is published again under a newer one. */
function contentOf(path: string, asVersion: string | undefined): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(readFileSync(path))
  if (asVersion === undefined || basename(path) !== 'card.json') return bytes
  const card = JSON.parse(new TextDecoder().decode(bytes)) as object
  return Uint8Array.from(Buffer.from(JSON.stringify({ ...card, version: asVersion }, null, 2)))
}

function hubOf({ home }: Call): RunFile['hub'] {
  const hub = readRunFile(home, 'hub')
  if (hub !== null) return hub
  throw new NoCentreHere('no centre runs on this data folder', {
    remedy: 'Start it with `starling hub` or `starling up`, or name its folder with --data.',
  })
}

function filesUnder(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    if (files.length > 0) return files.toSorted()
  } catch (cause) {
    throw new FolderRefused(`${folder} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the folder of a model or a domain, with its card.json.',
      cause,
    })
  }
  throw new FolderRefused(`${folder} holds no files`, {
    remedy: 'Give the folder of a model or a domain, with its card.json.',
  })
}
