/** Declares a runtime on this machine as a model of this device: asked once what it serves, and held to it from then on. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { realDisk, replaceFile } from '../models-store/disk.ts'
import type { DeclaredCard, ModelClass } from '../neural/model-card.ts'
import { httpRuntime } from './http-runtime.ts'
import { checkedLicence, checkedName, ModelNameRefused } from './naming.ts'

export interface DeclareWish {
  readonly folder: string
  readonly url: string
  readonly name: string
  readonly licence: string
  readonly class: ModelClass
  readonly nowMs: number
  readonly signal: AbortSignal
}

/** Throws `RuntimeRefused`, {@link ModelNameRefused} or `LicenceRefused`. */
export async function declareRuntime(wish: DeclareWish): Promise<DeclaredCard> {
  const { folder, url, signal } = wish
  const name = checkedName(wish.name)
  const licence = checkedLicence(wish.licence)
  const path = join(folder, name, 'card.json')
  if (existsSync(path))
    throw new ModelNameRefused(`another model is called ${name} already`, {
      remedy: `Choose another name with --name, or delete ${join(folder, name)} first.`,
    })
  const model = await httpRuntime(url).model(signal)
  const card: DeclaredCard = {
    v: 1,
    name,
    class: wish.class,
    contract: 'http-runtime',
    licence,
    source: 'declared',
    residency: 'device',
    declaredAt: new Date(wish.nowMs).toISOString(),
    url,
    model,
    digest: model.digest,
    says: { name: model.name },
    warnings: [],
  }
  await replaceFile(realDisk, path, new TextEncoder().encode(`${JSON.stringify(card, null, 2)}\n`))
  return card
}
