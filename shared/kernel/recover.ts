/** Settles, at start, what a crash left between intent and outcome; what came of each is recorded and shown. */
import type { Journal } from '../journal/journal.ts'
import type { JournalRecord, OutcomeBody } from '../journal/record.ts'
import type { ExternalPerformer, Resolution } from './contract.ts'
import type { RecordId } from '../ids.ts'
import type { Json, JsonObject } from '../json.ts'

export interface SettledIntent {
  readonly recordId: string
  readonly action: string
  readonly at: string
  readonly resolution: Resolution
}

type Resolver = Pick<ExternalPerformer<never, Json>, 'action' | 'resolve'>

/**
 * Goes through the open intents, oldest first. A transactional effect without an outcome did not take place: its rows
 * would have committed with it. An external one is asked of its performer; where there is none, or it fails, `unknown`.
 */
export async function recoverIntents(parts: {
  readonly journal: Journal
  /** Performers of external effects, by action. */
  readonly external: readonly Resolver[]
  /** Actions whose performers are transactional. */
  readonly isTransactional: (action: string) => boolean
}): Promise<readonly SettledIntent[]> {
  const settled: SettledIntent[] = []
  for (const intent of await parts.journal.openIntents()) {
    if (intent.body.kind !== 'intent') continue
    const { action } = intent.body
    const resolution = await resolve(parts, intent, action)
    await parts.journal.transaction(async (tx) => {
      await parts.journal.append(tx, outcome(intent.id, resolution))
    })
    settled.push({ recordId: intent.id, action, at: intent.at, resolution })
  }
  return settled
}

async function resolve(
  parts: Parameters<typeof recoverIntents>[0],
  intent: JournalRecord,
  action: string,
): Promise<Resolution> {
  if (parts.isTransactional(action)) return 'did_not_take_place'
  const performer = parts.external.find((candidate) => candidate.action === action)
  if (performer === undefined || intent.body.kind !== 'intent') return 'unknown'
  const input = await parts.journal.payloadOf(intent.id, 'input')
  const dangling = {
    recordId: intent.id as RecordId,
    action,
    resource: intent.body.resource,
    input: isObject(input) ? input : null,
  }
  // One that cannot say must not keep the device from starting, nor the others from being settled.
  return await performer.resolve(dangling).catch(() => 'unknown' as const)
}

function isObject(value: Json | null): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function outcome(of: string, status: Resolution): OutcomeBody {
  return { kind: 'outcome', of, status, code: 'interrupted', durationUs: 0, output: null }
}
