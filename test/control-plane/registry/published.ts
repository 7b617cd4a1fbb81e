/** Releases at a stage of the centre, published over its API. */
import { CARD, evaluation, releaseFacts, sourceFiles } from '../../support/whole-bundle.ts'
import type { ApiStage } from '../api-stage.ts'

export async function publishRelease(
  stage: ApiStage,
  name: string,
  version: string,
  { held = false, accuracy = 0.8 }: { readonly held?: boolean; readonly accuracy?: number } = {},
): Promise<void> {
  const form = new FormData()
  form.set('name', name)
  form.set('held', String(held))
  const files = sourceFiles({
    'card.json': { ...CARD, version, title: `${name} for tests` },
    'model.onnx': `${name} ${version}`,
    'release.json': releaseFacts({ evaluation: evaluation(accuracy) }),
  })
  for (const [path, bytes] of files) form.append('file', new File([Uint8Array.from(bytes)], path))
  const answer = await stage.call('/api/releases', { method: 'POST', body: form })
  if (answer.status !== 201) throw new Error(`${name} ${version}: ${answer.text}`)
}
