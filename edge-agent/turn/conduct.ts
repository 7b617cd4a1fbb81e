/**
 * One turn from sound to outcome. Every arrow below is an effect that the kernel admits; nothing here performs one itself.
 *
 *     listen -> remember -> gather context -> understand -> decide -> act | ask back | give to a person -> remember
 */
import type { Clock } from '../../shared/clock.ts'
import { parseTurnId, uuidV7, type TurnId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type {
  Answer,
  DataClass,
  EffectRequest,
  Kernel,
  Performer,
  Principal,
  Resource,
} from '../../shared/kernel/contract.ts'
import type { WishBefore } from '../intent/amend.ts'
import type { Wish } from '../intent/wish.ts'
import { joinedOutcome, wishesOf } from './chain.ts'
import type { ContextPack } from './context-pack.ts'
import { decideTurn, stricter, type OpenQuestion, type Thresholds, type TurnDecision } from './decide.ts'
import { transcribePerformer, understandPerformer } from './model-performers.ts'
import type { AudioSource, Ears, FieldAction, Heard, Meaning, Mind, TurnMemory } from './ports.ts'
import type { EffectTrace, TurnOutcome, TurnResult, WishAnswered } from './result.ts'

export interface TurnParts {
  readonly kernel: Kernel
  readonly ears: Ears
  readonly mind: Mind
  readonly clock: Clock
  readonly random: (sizeBytes: number) => Uint8Array
  readonly principal: Principal
  readonly thresholds: Thresholds
  readonly memory: {
    readonly read: Performer<JsonObject, TurnMemory>
    readonly write: Performer<JsonObject, TurnMemory>
  }
  /** Gathers what the device knows about what was said. */
  readonly context: {
    readonly pack: Performer<JsonObject, ContextPack>
    /** The most sensitive class that the speaker may be given. */
    clearance(): DataClass
  }
  /** Makes an inbox item for a person at the centre; its output names the item's id. */
  readonly askHuman: Performer<JsonObject, InboxItem>
  /** The action for an intent; null for an intent that this device cannot carry out. */
  action(intent: string, slots: JsonObject, memory: TurnMemory): FieldAction | null
}

export type InboxItem = { readonly itemId: string }

/** Runs one turn. Throws only when the device could make no record durable; then nothing was performed. */
export async function conductTurn(
  parts: TurnParts,
  audio: AudioSource,
  onPartial: (text: string) => void,
): Promise<TurnResult> {
  const turn = openTurn(parts)
  const listen = transcribePerformer(parts.ears, audio, onPartial)
  const heard = await turn.admit(listen, {
    resource: { type: 'model', id: parts.ears.model.name },
    dataClass: 'personal',
    input: { source: audio.kind, sampleRateHz: audio.sampleRateHz },
    confidence: null,
  })
  const endedMs = parts.clock.monotonicMs()
  if (heard.kind !== 'performed') return turn.close({ heard: null, audio, outcome: stopped(heard), endedMs })
  if (heard.output.kind === 'nothing')
    return turn.close({ heard: heard.output, audio, outcome: nothingHeard(), endedMs })
  return turn.close({ heard: heard.output, ...(await answerText(parts, turn, heard.output)), audio, endedMs })
}

interface Answered {
  readonly context?: ContextPack | null
  readonly meaning: Meaning | null
  readonly wishes: readonly WishAnswered[]
  readonly outcome: TurnOutcome
}

/** The turn from its text on; what was typed instead of spoken comes in here with confidence 1. */
async function answerText(parts: TurnParts, turn: OpenTurn, heard: Heard): Promise<Answered> {
  const remembered = await turn.admit(parts.memory.read, memoryRequest({}))
  if (remembered.kind !== 'performed') return { meaning: null, wishes: [], outcome: stopped(remembered) }
  const memory = remembered.output
  const { text, confidence, alternatives } = heard
  const context = await gather(turn, parts, { text, memory })
  const understood = await turn.admit(understandPerformer(parts.mind), {
    resource: { type: 'model', id: parts.mind.model.name },
    dataClass: 'personal',
    input: { text, confidence, alternatives, before: wishBefore(memory), context: context?.digest ?? null },
    confidence,
  })
  if (understood.kind !== 'performed')
    return { context, meaning: null, wishes: [], outcome: stopped(understood) }
  return { context, ...(await answerWishes({ parts, turn, heard, meaning: understood.output }, memory)) }
}

/** Null where it is denied or fails: the turn goes on with what was said alone, and its trace says so. */
async function gather(
  turn: OpenTurn,
  { context }: TurnParts,
  { text, memory }: { readonly text: string; readonly memory: TurnMemory },
): Promise<ContextPack | null> {
  const { guide, workOrder } = memory
  const step = guide.kind === 'guiding' ? { procedureId: guide.procedureId, step: guide.index } : NO_STEP
  const packed = await turn.admit(context.pack, {
    resource: { type: 'context', id: 'turn' },
    dataClass: context.clearance(),
    input: { text, workOrder, ...step },
    confidence: null,
  })
  return packed.kind === 'performed' ? packed.output : null
}

const NO_STEP = { procedureId: null, step: null }

/** Carries out one wish after the other, until one is not done: what follows may build on it. */
async function answerWishes(at: Answering, memory: TurnMemory): Promise<Answered> {
  const { parts, turn, heard, meaning } = at
  const wishes = wishesOf(meaning, memory)
  const answered: WishAnswered[] = []
  let standing = memory
  for (const [index, wish] of wishes.entries()) {
    if (index > 0) {
      const again = await turn.admit(parts.memory.read, memoryRequest({}))
      if (again.kind !== 'performed') return { meaning, wishes: answered, outcome: stopped(again) }
      standing = again.output
    }
    const weighed = { ...wish, confidence: confidenceOf(at, wish) }
    const decision = decideTurn({
      transcript: heard.text,
      understood: weighed,
      open: standing.open,
      thresholds: stricter(parts.thresholds, parts.mind.thresholdsOf(wish.intent)),
    })
    const outcome = await carryOut({ parts, turn, memory: standing, meaning: weighed }, decision)
    answered.push({ intent: wish.intent, confidence: wish.confidence, slots: wish.slots, outcome })
    if (outcome.kind !== 'done') break
  }
  const left = wishes.slice(answered.length).map(({ intent }) => parts.mind.phraseOf(intent))
  return {
    meaning,
    wishes: answered,
    outcome: joinedOutcome(
      answered.map(({ outcome }) => outcome),
      left,
    ),
  }
}

interface Answering {
  readonly parts: TurnParts
  readonly turn: OpenTurn
  readonly heard: Heard
  readonly meaning: Meaning
}

/** Another text than was heard first never acts by itself, however well it reads. */
function confidenceOf({ parts, heard, meaning }: Answering, wish: Wish): number {
  if (heard.kind === 'rejected') return 0
  return meaning.text === heard.text ? wish.confidence : Math.min(wish.confidence, parts.thresholds.ask)
}

function wishBefore({ open, last }: TurnMemory): WishBefore | null {
  return open ?? (last === null ? null : { intent: last.intent, slots: last.slots, missing: [] })
}

interface Standing {
  readonly parts: TurnParts
  readonly turn: OpenTurn
  readonly memory: TurnMemory
  readonly meaning: Wish
}

async function carryOut(standing: Standing, decision: TurnDecision): Promise<TurnOutcome> {
  switch (decision.kind) {
    case 'nothing_heard':
      return nothingHeard()
    case 'act':
      return act(standing, decision)
    case 'inbox':
      return giveToPerson(standing, decision.transcript, decision.reason)
    case 'confirm':
      return ask(
        standing,
        decision.question,
        `Did you mean: ${describe(standing.parts.mind, decision.question)}?`,
      )
    case 'ask_slot':
      return ask(
        standing,
        decision.question,
        `Which ${decision.slot.replaceAll('_', ' ')}, to ${standing.parts.mind.phraseOf(decision.question.intent)}?`,
      )
    case 'nothing_to_amend':
      return {
        kind: 'failed',
        say: 'There is nothing to correct.',
        code: 'nothing_to_amend',
        remedy: 'Say the whole wish: what is to be done, with its number or name.',
      }
    case 'withdrawn': {
      const kept = await remember(standing, null)
      return kept ?? { kind: 'done', say: 'Dropped. Nothing was done.', output: null }
    }
  }
}

async function act(
  standing: Standing,
  decision: Extract<TurnDecision, { kind: 'act' }>,
): Promise<TurnOutcome> {
  const { parts, turn, memory, meaning } = standing
  const action = parts.action(decision.intent, decision.slots, memory)
  if (action === null) return giveToPerson(standing, decision.intent, 'no_such_action')
  const answer = await turn.admit(action.performer, {
    resource: action.resource,
    dataClass: 'internal',
    input: decision.slots,
    // A person who said yes is sure; the policy's threshold is for a model's judgement alone.
    confidence: decision.confirmed ? null : meaning.confidence,
  })
  if (answer.kind !== 'performed') return stopped(answer)
  const kept = memory.open === null ? null : await remember(standing, null)
  return kept ?? { kind: 'done', say: action.say(answer.output), output: answer.output }
}

async function ask(standing: Standing, question: OpenQuestion, say: string): Promise<TurnOutcome> {
  const kept = await remember(standing, question)
  return kept ?? { kind: 'question', say, intent: question.intent }
}

/** Stores the open question; null when it is stored, else why not. */
async function remember(standing: Standing, open: OpenQuestion | null): Promise<TurnOutcome | null> {
  const answer = await standing.turn.admit(standing.parts.memory.write, memoryRequest({ open }))
  return answer.kind === 'performed' ? null : stopped(answer)
}

async function giveToPerson(standing: Standing, transcript: string, reason: string): Promise<TurnOutcome> {
  const answer = await standing.turn.admit(standing.parts.askHuman, {
    resource: { type: 'inbox', id: 'new' },
    dataClass: 'personal',
    input: { transcript, reason },
    confidence: null,
  })
  if (answer.kind !== 'performed') return stopped(answer)
  const kept = standing.memory.open === null ? null : await remember(standing, null)
  const say = 'I am not sure enough to act on that. A person will look at it.'
  return kept ?? { kind: 'inbox', say, itemId: answer.output.itemId, reason }
}

function memoryRequest(input: JsonObject): AskedEffect<JsonObject> {
  return { resource: { type: 'memory', id: 'turn' }, dataClass: 'personal', input, confidence: null }
}

function nothingHeard(): TurnOutcome {
  return { kind: 'nothing', say: 'I heard no speech.' }
}

function stopped(answer: Exclude<Answer<Json>, { kind: 'performed' }>): TurnOutcome {
  if (answer.kind === 'denied')
    return { kind: 'denied', say: `Not allowed: ${answer.reason}.`, reason: answer.reason }
  return { kind: 'failed', say: answer.message, code: answer.code, remedy: answer.remedy }
}

/** "order a part: part 4410, count 2". */
function describe(mind: Mind, question: OpenQuestion): string {
  const slots = Object.entries(question.slots).map(
    ([slot, value]) =>
      `${slot.replaceAll('_', ' ')} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const phrase = mind.phraseOf(question.intent)
  return slots.length === 0 ? phrase : `${phrase}: ${slots.join(', ')}`
}

interface AskedEffect<I extends Json> {
  readonly resource: Resource
  readonly dataClass: DataClass
  readonly input: I
  readonly confidence: number | null
}

interface Ending {
  readonly heard: Heard | null
  readonly context?: ContextPack | null
  readonly meaning?: Meaning | null
  readonly wishes?: readonly WishAnswered[]
  readonly audio: AudioSource
  readonly outcome: TurnOutcome
  readonly endedMs: number
}

interface OpenTurn {
  readonly id: TurnId
  admit<I extends Json, O extends Json>(performer: Performer<I, O>, wish: AskedEffect<I>): Promise<Answer<O>>
  close(ending: Ending): TurnResult
}

function openTurn(parts: TurnParts): OpenTurn {
  const id = parseTurnId(uuidV7(parts.clock.nowMs(), parts.random(10)))
  const effects: EffectTrace[] = []
  return {
    id,
    async admit<I extends Json, O extends Json>(
      performer: Performer<I, O>,
      wish: AskedEffect<I>,
    ): Promise<Answer<O>> {
      const { action } = performer
      const request: EffectRequest<I> = { ...wish, action, principal: parts.principal, turn: id, cost: 1 }
      const answer = await parts.kernel.admit(performer, request)
      effects.push({ action, verdict: answer.kind, provenance: answer.provenance })
      return answer
    },
    close: ({ heard, context, meaning, wishes, audio, outcome, endedMs }) => ({
      turn: id,
      transcript: {
        kind: heard?.kind ?? 'nothing',
        text: heard?.text ?? '',
        confidence: heard?.confidence ?? 0,
        warnings: audio.warnings,
      },
      understood: meaning
        ? {
            intent: meaning.intent,
            confidence: meaning.confidence,
            slots: meaning.slots,
            route: meaning.route,
          }
        : null,
      context: context
        ? { digest: context.digest, sizeBytes: context.sizeBytes, items: context.items }
        : null,
      wishes: wishes ?? [],
      outcome,
      effects,
      timings: {
        audioMs: heard?.audioMs ?? 0,
        endToOutcomeMs: (heard?.finishMs ?? 0) + parts.clock.monotonicMs() - endedMs,
        runtimeMs: (heard?.runtimeMs ?? 0) + (meaning?.runtimeMs ?? 0),
      },
    }),
  }
}
