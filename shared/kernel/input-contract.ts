/**
 * Inputs are held against their contract at one place, before anything is performed: one that does not keep it never reaches a
 * performer, and so never a model. Its intent and its outcome (`input_refused`) stay in the journal, which is its quarantine, and
 * `starling_inputs_refused_total` counts it by action.
 */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { describeIssues } from '../wire/answer.ts'
import type { EffectRequest } from './contract.ts'

export class InputRefused extends StarlingError {
  static readonly code = 'input_refused'
  override readonly code = InputRefused.code
}

/** Throws {@link InputRefused}. */
export function checkInput(accepts: v.GenericSchema, { action, input }: EffectRequest): void {
  const parsed = v.safeParse(accepts, input)
  if (parsed.success) return
  throw new InputRefused(`${action} was not carried out: ${describeIssues(parsed.issues)}`, {
    remedy: 'Say or send it again with each part of it, as its contract asks for.',
  })
}
