/** The form of every effect at the centre: transactional, by this process or an operator, with the gate on its first line. */
import * as v from 'valibot'
import { StarlingError } from '../shared/errors.ts'
import type { RecordId } from '../shared/ids.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import { redeem } from '../shared/kernel/admitted.ts'
import type {
  Answer,
  Kernel,
  Principal,
  Resource,
  TransactionalPerformer,
} from '../shared/kernel/contract.ts'
import type { Transaction } from '../shared/sql/port.ts'

/** An effect at the centre without an answer. */
class AnswerMissing extends StarlingError {
  override readonly code = 'answer_missing'
}

/** An effect at the centre that was denied or failed, with the code that it failed with. */
export class EffectStopped extends StarlingError {
  override readonly code: string

  constructor(code: string, message: string, remedy: string) {
    super(message, { remedy })
    this.code = code
  }
}

export interface CentreWork {
  readonly tx: Transaction
  readonly recordId: RecordId
  readonly principal: Principal
}

export function centrePerformer<I, O extends Json>(
  action: string,
  schema: v.GenericSchema<unknown, I>,
  carryOut: (work: CentreWork, input: I) => Promise<O>,
): TransactionalPerformer<JsonObject, O> {
  return {
    kind: 'transactional',
    action,
    accepts: schema,
    route: () => ({
      provider: 'starling',
      model: 'control-plane/1',
      digest: null,
      region: 'centre',
      reason: 'it changes the centre’s own state',
    }),
    perform: async (admitted, tx) => {
      const { request, recordId } = redeem(admitted, action)
      const input = v.parse(schema, request.input)
      return await carryOut({ tx, recordId, principal: request.principal }, input)
    },
    check: (output) => {
      if (output === undefined)
        throw new AnswerMissing(`${action} gave no answer`, {
          remedy: 'This is a fault in Starling: report it.',
        })
    },
  }
}

/** The control plane itself as principal. */
export const CENTRE: Principal = { kind: 'process', id: 'control-plane', roles: ['centre'] }

/** Has the kernel carry out one effect at the centre. Throws {@link EffectStopped} when it was denied or failed. */
export async function atCentre<O extends Json>(
  kernel: Kernel,
  performer: TransactionalPerformer<JsonObject, O>,
  wish: { readonly resource: Resource; readonly input: JsonObject; readonly principal?: Principal },
): Promise<Extract<Answer<O>, { kind: 'performed' }>> {
  const answer = await kernel.admit(performer, {
    principal: wish.principal ?? CENTRE,
    action: performer.action,
    resource: wish.resource,
    dataClass: 'internal',
    input: wish.input,
    confidence: null,
    turn: null,
    cost: 1,
  })
  if (answer.kind === 'performed') return answer
  if (answer.kind === 'failed') throw new EffectStopped(answer.code, answer.message, answer.remedy)
  throw new EffectStopped(
    'denied',
    `it is not allowed: ${answer.reason}`,
    'Ask for a policy that permits it.',
  )
}
