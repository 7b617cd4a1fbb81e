/** An admitted effect at the centre, for the API: its output, or what it was refused for. */
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal, Resource, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { atCentre } from '../performer.ts'

/** One admitted effect, and its output alone. */
export function doneAt(kernel: Kernel) {
  return async <O extends JsonObject>(
    performer: TransactionalPerformer<JsonObject, O>,
    wish: { readonly resource: Resource; readonly input: JsonObject; readonly principal: Principal },
  ): Promise<O> => (await atCentre(kernel, performer, wish)).output
}
