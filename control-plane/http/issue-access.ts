/** `access.issue`: the record that somebody was given access. The token is made after it, and never written down. */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { PersonSchema } from '../../shared/wire/approval.ts'
import { centrePerformer } from '../performer.ts'
import { ROLES } from './access.ts'

const InputSchema = v.strictObject({ person: PersonSchema, role: v.picklist(ROLES) })

export function issueAccessPerformer(): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('access.issue', InputSchema, async (_work, input) => await Promise.resolve(input))
}
