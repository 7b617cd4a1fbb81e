/** Releases at a stage of the centre, published over its API. */
import type { ApiStage } from '../api-stage.ts'

export async function publishRelease(
  stage: ApiStage,
  name: string,
  version: string,
  held = false,
): Promise<void> {
  const form = new FormData()
  form.set('name', name)
  form.set('held', String(held))
  const card = {
    version,
    title: `${name} for tests`,
    licence: 'Apache-2.0',
    languages: ['en'],
    intendedUse: 'Tests.',
    limits: 'Everything.',
  }
  form.append('file', new File([JSON.stringify(card)], 'card.json'))
  form.append('file', new File([`${name} ${version}`], 'acoustic.onnx'))
  const answer = await stage.call('/api/releases', { method: 'POST', body: form })
  if (answer.status !== 201) throw new Error(`${name} ${version}: ${answer.text}`)
}
