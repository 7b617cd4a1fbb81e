/** One model call by itself, without a turn: what `starling transcribe` and `starling understand` ask for. Governed like any effect. */
import type { JsonObject } from '../../shared/json.ts'
import type { Answer, Kernel, Performer, Principal, Provenance } from '../../shared/kernel/contract.ts'
import { StarlingError } from '../../shared/errors.ts'
import { callEars } from './call.ts'
import { written } from '../inverse-text/written.ts'
import { transcribePerformer, understandPerformer } from './model-performers.ts'
import type { AudioSource, Ears, Heard, Meaning, Mind } from './ports.ts'

export class ModelCallStopped extends StarlingError {
  override readonly code: string

  constructor(code: string, message: string, remedy: string) {
    super(message, { remedy })
    this.code = code
  }
}

interface Caller {
  readonly kernel: Kernel
  readonly principal: Principal
}

export type Transcribed = Heard & {
  /** The text with its numbers, units, dates and the like as people write them. */
  readonly written: string
  readonly warnings: readonly string[]
  readonly provenance: Provenance
}
export type Understood = Meaning & { readonly provenance: Provenance }

/** Throws {@link ModelCallStopped} with the code of the denial or the failure. */
export async function transcribe(
  parts: Caller & { readonly ears: Ears },
  audio: AudioSource,
  onPartial: (text: string) => void,
): Promise<Transcribed> {
  const { channels, sampleRateHz } = audio
  const ears = channels === undefined ? parts.ears : callEars(parts.ears, { channels, sampleRateHz })
  const heard = await admit(parts, transcribePerformer(ears, audio, onPartial), {
    model: parts.ears.model.name,
    input: { source: audio.kind, sampleRateHz: audio.sampleRateHz },
  })
  return {
    ...heard.output,
    written: written(heard.output.text),
    warnings: audio.warnings,
    provenance: heard.provenance,
  }
}

/** Throws {@link ModelCallStopped} with the code of the denial or the failure. */
export async function understand(parts: Caller & { readonly mind: Mind }, text: string): Promise<Understood> {
  const meant = await admit(parts, understandPerformer(parts.mind), {
    model: parts.mind.model.name,
    input: { text, confidence: 1, alternatives: [], before: null, context: null },
  })
  return { ...meant.output, provenance: meant.provenance }
}

async function admit<I extends JsonObject, O extends JsonObject>(
  parts: Caller,
  performer: Performer<I, O>,
  call: { readonly model: string; readonly input: I },
): Promise<Extract<Answer<O>, { kind: 'performed' }>> {
  const answer = await parts.kernel.admit(performer, {
    principal: parts.principal,
    action: performer.action,
    resource: { type: 'model', id: call.model },
    dataClass: 'personal',
    input: call.input,
    confidence: null,
    turn: null,
    cost: 1,
  })
  if (answer.kind === 'performed') return answer
  if (answer.kind === 'failed') throw new ModelCallStopped(answer.code, answer.message, answer.remedy)
  throw new ModelCallStopped(
    'denied',
    `it is not allowed: ${answer.reason}`,
    'Ask for a policy that permits it.',
  )
}
