/**
 * The two model calls of a turn as performers. Audio and text go to the worker that holds the model; nothing is changed
 * by a model call, so one that a crash cut short did not take place.
 */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { ExternalPerformer, Route } from '../../shared/kernel/contract.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { AudioSource, Ears, Heard, Meaning, Mind, RoutedModel, Utterance } from './ports.ts'

export class ModelOutputBroken extends StarlingError {
  override readonly code = 'model_output_broken'
}

/** The most that one sentence may be: far longer than any that is spoken, and a typed one's limit. */
const Text = v.pipe(v.string(), v.maxLength(16 * 1_024))
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** No domain names more. */
const MAX_SLOTS = 64

/** What is heard: the samples themselves never stand in a record. */
export const SoundSchema = v.strictObject({
  source: v.picklist(['microphone', 'wav']),
  sampleRateHz: v.pipe(v.number(), v.integer(), v.minValue(8_000), v.maxValue(192_000)),
})

/** What is to be understood. */
export const UtteranceSchema = v.strictObject({
  text: Text,
  confidence: Share,
  alternatives: v.pipe(v.array(v.strictObject({ text: Text, share: Share })), v.maxLength(100)),
  before: v.nullable(
    v.strictObject({
      intent: v.pipe(v.string(), v.maxLength(200)),
      slots: v.record(v.string(), v.any()),
      missing: v.pipe(v.array(v.string()), v.maxLength(MAX_SLOTS)),
    }),
  ),
  context: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
})

export function transcribePerformer(
  ears: Ears,
  audio: AudioSource,
  onPartial: (text: string) => void,
): ExternalPerformer<JsonObject, Heard> {
  return {
    kind: 'external',
    action: 'model.transcribe',
    accepts: SoundSchema,
    route: () => onDevice(ears.model),
    perform: async (admitted, signal) => {
      redeem(admitted, 'model.transcribe')
      return ears.listen(audio, { onPartial, signal })
    },
    check: (output) => checkConfidence(output, 'model.transcribe'),
    resolve: async () => 'did_not_take_place',
  }
}

export function understandPerformer(mind: Mind): ExternalPerformer<Utterance, Meaning> {
  return {
    kind: 'external',
    action: 'model.understand',
    accepts: UtteranceSchema,
    route: () => onDevice(mind.model),
    perform: async (admitted) => {
      const { request } = redeem(admitted, 'model.understand')
      return await mind.understand(request.input)
    },
    check: (output) => {
      for (const wish of [output, ...output.further]) checkConfidence(wish, 'model.understand')
    },
    resolve: async () => 'did_not_take_place',
  }
}

function onDevice(model: RoutedModel): Route {
  return {
    provider: model.provider,
    model: model.name,
    digest: model.digest,
    region: 'device',
    reason:
      model.traits.source !== 'released'
        ? 'it was asked for by its name, and nothing may leave the device to be understood'
        : 'the active bundle holds it, and nothing may leave the device to be understood',
    traits: model.traits,
  }
}

function checkConfidence({ confidence }: { readonly confidence: number }, action: string): void {
  if (confidence >= 0 && confidence <= 1) return
  throw new ModelOutputBroken(`${action} gave the confidence ${JSON.stringify(confidence)}`, {
    remedy: 'The model bundle is damaged: activate the one before it.',
  })
}
