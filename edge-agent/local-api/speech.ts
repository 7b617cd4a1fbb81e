/** Consent to recordings of confirmed commands, what is kept of them, and forgetting them. */
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Consent } from '../adaptation/consent.ts'
import type { Kept } from '../adaptation/recordings.ts'
import { decodeJson } from '../../shared/wire/answer.ts'

const ConsentSchema = v.strictObject({ given: v.boolean() })

export interface SpeechParts {
  consent(): Promise<Consent>
  /** Throws a typed error when the policy denies it. */
  agree(given: boolean): Promise<Consent>
  recordings(): Promise<readonly Kept[]>
  /** Turns whose sound is gone, or is not what was kept. */
  damaged(): Promise<readonly string[]>
  /** Returns how many there were. */
  forget(): Promise<number>
}

export function speechRoutes(parts: SpeechParts): Hono {
  const app = new Hono()
  const standing = async () => ({
    consent: await parts.consent(),
    recordings: await parts.recordings(),
    damaged: await parts.damaged(),
  })
  app.get('/', async (context) => context.json(await standing()))
  app.post('/consent', async (context) => {
    const { given } = decodeJson(ConsentSchema, new Uint8Array(await context.req.arrayBuffer()))
    await parts.agree(given)
    return context.json(await standing())
  })
  app.post('/forget', async (context) => context.json({ forgotten: await parts.forget() }))
  return app
}
