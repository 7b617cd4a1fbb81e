/** An effect for tests of records. */
import * as v from 'valibot'
import { redeem } from '../../../shared/kernel/admitted.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import type { TransactionalPerformer } from '../../../shared/kernel/contract.ts'

/** Any action, which does nothing but answer. */
export function acts(action: string): TransactionalPerformer<JsonObject, Json> {
  return {
    kind: 'transactional',
    action,
    accepts: v.looseObject({}),
    route: () => ({ provider: 'test', model: 'test/1', digest: null, region: 'device', reason: 'test' }),
    perform: async (admitted) => {
      redeem(admitted, action)
      return await Promise.resolve({ done: true })
    },
    check: () => undefined,
  }
}
