/** The device's side of recordings, put together: what the local API serves, and the recorder beside the turns. */
import { StarlingError } from '../../shared/errors.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Answer, EffectRequest, Performer, Principal } from '../../shared/kernel/contract.ts'
import type { SpeechParts } from '../local-api/speech.ts'
import { consentOf, consentPerformer } from './consent.ts'
import type { RecorderParts } from './recorder.ts'
import { forgetPerformer } from './recording-performers.ts'

/** The policy said no, or the effect failed: with the kernel's own words. */
export class NotPerformed extends StarlingError {
  override readonly code = 'not_performed'
}

export function speechParts(parts: RecorderParts, person: Principal): SpeechParts {
  const { db, recordings, clock } = parts
  const admit = async <O extends Json>(
    performer: Performer<JsonObject, O>,
    input: JsonObject,
  ): Promise<O> => {
    const request: EffectRequest<JsonObject> = {
      principal: person,
      action: performer.action,
      resource: { type: 'recording', id: 'all' },
      dataClass: 'personal',
      input,
      confidence: null,
      turn: null,
      cost: 1,
    }
    return performed(await parts.kernel.admit(performer, request))
  }
  return {
    consent: async () => await consentOf(db),
    agree: async (given) => await admit(consentPerformer(clock), { given }),
    recordings: async () => await recordings.list(),
    damaged: async () => (await recordings.damaged()).map(({ turn }) => turn),
    forget: async () => {
      const output = await admit(forgetPerformer(recordings), {})
      return (output as { forgotten: number }).forgotten
    },
  }
}

function performed<O>(answer: Answer<O>): O {
  if (answer.kind === 'performed') return answer.output
  if (answer.kind === 'denied')
    throw new NotPerformed(`it is not allowed: ${answer.reason}`, {
      remedy: 'Ask for a policy that permits it to this person.',
    })
  throw new NotPerformed(answer.message, { remedy: answer.remedy })
}
