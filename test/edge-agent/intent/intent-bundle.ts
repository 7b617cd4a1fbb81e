/** The shipped intent bundle as a device holds it: classifier and domain in one folder. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openUnderstanding, type Understanding } from '../../../edge-agent/intent/understanding.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'

/** A new folder with the bundle's files; whoever asked for it removes it. */
export function shippedIntentFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'starling-intent-'))
  cpSync(fileURLToPath(MODEL_FOLDERS.intent), dir, { recursive: true })
  cpSync(
    join(fileURLToPath(MODEL_FOLDERS.domains), 'field-service.yaml'),
    join(dir, 'domains', 'field-service.yaml'),
  )
  return dir
}

/** `close` also removes the folder. */
export async function openShippedUnderstanding(): Promise<Understanding> {
  const dir = shippedIntentFolder()
  const understanding = await openUnderstanding(dir)
  return {
    model: understanding.model,
    domain: understanding.domain,
    grammarFor: (names) => understanding.grammarFor(names),
    understand: async (text, names, beside) => await understanding.understand(text, names, beside),
    close: async () => {
      await understanding.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
