/** Releases at a stage of the centre, published over its API. */
import { CARD, evaluation, releaseFacts, sourceFiles } from '../../support/whole-bundle.ts'
import type { ApiStage } from '../api-stage.ts'

export async function publishRelease(
  stage: ApiStage,
  name: string,
  version: string,
  options: ReleaseOptions = {},
): Promise<void> {
  const body = releaseForm(name, version, options)
  const answer = await stage.call('/api/releases', { method: 'POST', body })
  if (answer.status !== 201) throw new Error(`${name} ${version}: ${answer.text}`)
}

interface ReleaseOptions {
  readonly held?: boolean
  readonly accuracy?: number
}

/** What is sent to publish it. */
export function releaseForm(
  name: string,
  version: string,
  { held = false, accuracy = 0.8 }: ReleaseOptions = {},
): FormData {
  const form = new FormData()
  form.set('name', name)
  form.set('held', String(held))
  const files = sourceFiles({
    'card.json': { ...CARD, version, title: `${name} for tests` },
    'model.onnx': `${name} ${version}`,
    'release.json': releaseFacts({ evaluation: evaluation(accuracy) }),
  })
  for (const [path, bytes] of files) form.append('file', new File([Uint8Array.from(bytes)], path))
  return form
}
