/** Writing to the index is an effect like any other: admitted by the kernel, in one transaction with the record of it. */
import * as v from 'valibot'
import { digestOf } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Kernel, Principal, Route, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import type { Embedder } from '../embedding/embedder.ts'

export class IndexNotWritten extends StarlingError {
  override readonly code = 'index_not_written'
}

export interface IndexWrite {
  /** What is written, for the record: `rows`, `vectors`, … */
  readonly what: string
  /** Names the batch; its digest stands in the record. */
  readonly items: Json
  /** The model that made it; null where none did. */
  readonly by: Embedder | null
  /** Says how many rows it wrote. */
  write(tx: Transaction): Promise<number>
}

const InputSchema = v.object({ what: v.string(), digest: v.string() })

/** Throws {@link IndexNotWritten} when it is denied or fails; then nothing was written. */
export async function writeIndex(
  { kernel, principal }: { readonly kernel: Kernel; readonly principal: Principal },
  wish: IndexWrite,
): Promise<number> {
  const digest = digestOf(wish.items)
  const answer = await kernel.admit(indexPerformer(wish, digest), {
    principal,
    action: 'context.index',
    resource: { type: 'context', id: 'search' },
    dataClass: 'internal',
    input: { what: wish.what, digest },
    confidence: null,
    turn: null,
    cost: 1,
  })
  if (answer.kind === 'performed') return answer.output.written
  throw new IndexNotWritten(
    `the index of the context was not written: ${answer.kind === 'denied' ? answer.reason : answer.message}`,
    {
      remedy: answer.kind === 'failed' ? answer.remedy : 'Permit context.index to the device in the policy.',
    },
  )
}

type Written = JsonObject & { readonly written: number }

export function indexPerformer(
  wish: IndexWrite,
  digest: string,
): TransactionalPerformer<JsonObject, Written> {
  return {
    kind: 'transactional',
    action: 'context.index',
    accepts: InputSchema,
    route: () => indexRoute(wish.by),
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, 'context.index')
      const input = v.parse(InputSchema, request.input)
      if (input.digest !== digest || input.what !== wish.what) throw otherBatch()
      return { written: await wish.write(tx) }
    },
    check: ({ written }) => {
      if (!Number.isInteger(written) || written < 0) throw otherBatch()
    },
  }
}

/** Who answers or writes: the index alone, or an embedding model with it. */
export function indexRoute(by: Embedder | null): Route {
  if (by === null)
    return {
      provider: 'starling',
      model: 'search-index/1',
      digest: null,
      region: 'device',
      reason: 'the copy lies on the device',
    }
  return {
    provider: 'cpu',
    model: by.name,
    digest: by.stamp.model,
    region: 'device',
    reason: 'it is chosen for search, and nothing may leave the device to be found',
    traits: by.traits,
  }
}

function otherBatch(): IndexNotWritten {
  return new IndexNotWritten('another batch was admitted than the one at hand', {
    remedy: 'None is needed: the next pass looks again.',
  })
}
