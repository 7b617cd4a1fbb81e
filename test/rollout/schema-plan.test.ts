import { describe, expect, it } from 'vitest'
import { planSchema, stepDigest, type TakenStep } from '../../rollout/schema-plan.ts'
import type { SchemaStep, SchemaSteps } from '../../shared/wire/schema-steps.ts'

const add: SchemaStep = {
  number: 1,
  kind: 'expand',
  name: 'add-urgency',
  statements: ['alter table context.row add column urgency integer'],
}
const drop: SchemaStep = {
  number: 2,
  kind: 'contract',
  name: 'drop-rank',
  removes: ['row.rank'],
  statements: ['alter table context.row drop column rank'],
}
const more: SchemaStep = {
  number: 3,
  kind: 'expand',
  name: 'index-urgency',
  statements: ['create index row_by_urgency on context.row (urgency)'],
}
const list = (...steps: readonly SchemaStep[]): SchemaSteps => ({
  v: 1,
  uses: ['row.urgency'],
  steps: [...steps],
})
const taken = (...steps: readonly SchemaStep[]): readonly TakenStep[] =>
  steps.map((step) => ({ number: step.number, kind: step.kind, digest: stepDigest(step) }))
const numbers = (plan: ReturnType<typeof planSchema>): readonly number[] =>
  plan.kind === 'steps' ? plan.now.map(({ number }) => number) : []

describe('which steps a database takes', () => {
  it('takes every open step when nobody uses what a contracting one removes', () => {
    expect(numbers(planSchema(list(add, drop, more), [], []))).toEqual([1, 2, 3])
    expect(numbers(planSchema(list(add, drop, more), taken(add, drop), []))).toEqual([3])
    expect(numbers(planSchema(list(add, drop, more), taken(add, drop, more), []))).toEqual([])
  })

  it('lets a contracting step wait, and those after it pass, while a version in a slot uses the old form', () => {
    const plan = planSchema(
      list(add, drop, more),
      [],
      [{ name: 'version 1.0.0 in slot a', uses: ['row.rank'] }],
    )
    expect(numbers(plan)).toEqual([1, 3])
    expect(plan).toMatchObject({ waiting: [{ step: { number: 2 }, usedBy: 'version 1.0.0 in slot a' }] })
    expect(numbers(planSchema(list(add, drop, more), taken(add, more), []))).toEqual([2])
  })

  it('goes on under an older list over what a newer one added, and refuses where something was removed', () => {
    expect(numbers(planSchema(list(add), taken(add, { ...more, number: 2 }), []))).toEqual([])
    expect(planSchema(list(add), taken(add, drop), [])).toMatchObject({ kind: 'refused', reason: 'unknown' })
  })

  it.each([
    ['steps in another order', list(drop, add), 'reordered'],
    ['a number that is left out', list(add, more), 'reordered'],
    [
      'an expanding step that removes',
      list({ ...add, statements: ['drop table context.row'] }),
      'not_allowed',
    ],
    [
      'two statements in one',
      list({ ...add, statements: ['create table context.a (n int); drop table context.row'] }),
      'not_allowed',
    ],
    [
      'a step that touches the journal',
      list({ ...add, statements: ['update journal.record set text = null'] }),
      'not_allowed',
    ],
    [
      'a step that notes another as taken',
      list({ ...add, statements: ['insert into device.schema_step values (9)'] }),
      'not_allowed',
    ],
    [
      'a contracting step that does not say what it removes',
      list(add, { ...drop, removes: [] }),
      'malformed',
    ],
  ])('refuses %s', (_name, steps, reason) => {
    expect(planSchema(steps, [], [])).toMatchObject({ kind: 'refused', reason })
  })

  it('refuses a list whose step is not the one that was taken, by a letter', () => {
    const edited = { ...add, statements: ['alter table context.row add column urgency bigint'] }
    expect(planSchema(list(edited, drop), taken(add), [])).toMatchObject({
      kind: 'refused',
      reason: 'edited',
    })
  })
})
