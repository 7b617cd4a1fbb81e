/** Moving through the procedure that is under way. */
import * as v from 'valibot'
import { findProcedure } from '../context/reads.ts'
import { advanceGuide, type GuideEvent, type GuideReply } from '../guide/guide.ts'
import { keepInMind, recall } from '../memory/turn-memory.ts'
import type { FieldAction, TurnMemory } from '../turn/ports.ts'
import { fieldPerformer, NotNow, type FieldParts } from './field-performer.ts'
import { noteUndo } from './undo.ts'

export type SaidStep = { readonly number: number; readonly of: number; readonly text: string }
type Moved = {
  readonly kind: 'step' | 'finished' | 'at_first_step'
  readonly step: SaidStep | null
  readonly title: string
}

export function sayStep({ number, of, text }: SaidStep): string {
  return `Step ${number} of ${of}: ${text}`
}

export function moveStep(
  parts: FieldParts,
  kind: 'next' | 'previous' | 'repeat',
  memory: TurnMemory,
): FieldAction {
  return {
    resource: { type: 'step', id: memory.guide.kind === 'idle' ? 'none' : memory.guide.procedureId },
    performer: fieldPerformer(parts, `step.${kind}`, v.object({}), async (work): Promise<Moved> => {
      const before = await recall(work.tx)
      if (before.guide.kind === 'idle') throw noProcedure()
      const procedure = await findProcedure(work.tx, before.guide.procedureId)
      const { state, reply } = advanceGuide(before.guide, { kind } satisfies GuideEvent, procedure)
      const moved = movedTo(reply)
      if (kind !== 'repeat') {
        await keepInMind(work.tx, { guide: state })
        await noteUndo(work, `moving to the ${kind} step`, before)
      }
      return { ...moved, title: procedure?.title ?? '' }
    }),
    say: (output) => {
      const { kind: where, step, title } = output as Moved
      if (where === 'finished')
        return `That was the last step of “${title}”. Close the work order when you are done.`
      const words = step === null ? '' : sayStep(step)
      return where === 'at_first_step' ? `This is the first step. ${words}` : words
    },
  }
}

function movedTo(reply: GuideReply): Pick<Moved, 'kind' | 'step'> {
  switch (reply.kind) {
    case 'step':
    case 'at_first_step':
      return { kind: reply.kind, step: { number: reply.step.number, of: reply.of, text: reply.step.text } }
    case 'finished':
      return { kind: 'finished', step: null }
    case 'evidence_missing':
      throw new NotNow(`This step needs its ${reply.quantity} first, in ${reply.unit}.`, {
        remedy: `Say “log a reading of”, and the ${reply.quantity}.`,
      })
    case 'no_procedure':
    case 'stopped':
    case 'noted':
      throw noProcedure()
  }
}

function noProcedure(): NotNow {
  return new NotNow('No procedure is under way.', { remedy: 'Open a work order that has one.' })
}
