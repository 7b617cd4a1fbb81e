/**
 * The two model calls of a turn as performers. Audio and text go to the worker that holds the model; nothing is changed
 * by a model call, so one that a crash cut short did not take place.
 */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { ExternalPerformer, Route } from '../../shared/kernel/contract.ts'
import { StarlingError } from '../../shared/errors.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
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

const Ms = v.pipe(v.number(), v.minValue(0))
const Words = v.array(v.strictObject({ word: v.string(), startMs: Ms, endMs: Ms, confidence: Share }))

/** What a recogniser, ours or anyone's, answers. */
export const HeardSchema = v.strictObject({
  kind: v.picklist(['heard', 'nothing', 'rejected']),
  text: v.string(),
  confidence: Share,
  alternatives: v.array(v.strictObject({ text: v.string(), share: Share })),
  audioMs: Ms,
  finishMs: Ms,
  runtimeMs: Ms,
  words: v.exactOptional(Words),
  channels: v.exactOptional(
    v.array(
      v.strictObject({
        channel: v.pipe(v.number(), v.integer(), v.minValue(0)),
        text: v.string(),
        utterances: v.array(
          v.strictObject({
            kind: v.picklist(['heard', 'rejected']),
            text: v.string(),
            confidence: Share,
            startMs: Ms,
            endMs: Ms,
            words: Words,
          }),
        ),
      }),
    ),
  ),
})

const At = v.pipe(v.number(), v.integer(), v.minValue(0))
const WISH = {
  intent: v.string(),
  confidence: Share,
  slots: v.record(v.string(), v.any()),
  spans: v.record(v.string(), v.strictObject({ value: v.any(), text: v.string(), start: At, end: At })),
  missing: v.array(v.string()),
  effectful: v.boolean(),
  route: v.picklist(['grammar', 'classifier']),
}

/** What a text asks for. */
export const MeaningSchema = v.strictObject({
  ...WISH,
  further: v.array(v.strictObject(WISH)),
  amends: v.boolean(),
  text: v.string(),
  runtimeMs: Ms,
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
    check: (output) => checkOutput(HeardSchema, output, 'model.transcribe'),
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
    check: (output) => checkOutput(MeaningSchema, output, 'model.understand'),
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

function checkOutput(gives: v.GenericSchema, output: unknown, action: string): void {
  const parsed = v.safeParse(gives, output)
  if (parsed.success) return
  throw new ModelOutputBroken(`${action} gave what breaks its contract: ${describeIssues(parsed.issues)}`, {
    remedy: 'The model bundle is damaged: activate the one before it.',
  })
}
