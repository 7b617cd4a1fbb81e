import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openClassifier } from '../../../edge-agent/intent/classifier.ts'
import { featuresOf, USUAL_BUCKETS } from '../../../edge-agent/intent/features.ts'
import { shippedIntentFolder } from './intent-bundle.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** The shipped model, its card saying something else of its buckets. */
function withBuckets(buckets: number | undefined): string {
  const folder = shippedIntentFolder()
  folders.push(folder)
  const path = join(folder, 'card.json')
  const card = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  writeFileSync(path, JSON.stringify({ ...card, buckets }))
  return folder
}

describe('the buckets that a classifier hashes into', () => {
  it('are refused when they are not those that the model was made for', async () => {
    for (const wrong of [undefined, 32_767, 65_536, 0])
      await expect(openClassifier(withBuckets(wrong))).rejects.toMatchObject({ code: 'intent_model_refused' })
  })

  it('hold every feature of a sentence, in any script', () => {
    for (const buckets of [7, USUAL_BUCKETS, 32_768]) {
      const { index, value } = featuresOf(['naïve', 'café', 'шаг', '<asset>'], buckets)
      expect(Math.max(...index)).toBeLessThan(buckets)
      expect(Math.hypot(...value)).toBeCloseTo(1)
    }
  })
})
