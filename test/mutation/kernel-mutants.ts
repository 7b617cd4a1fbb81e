/** The kernel's own promises, each broken by one small change; `tests` (a pattern of files) must fail when it is made. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** Stands exactly once in the file. */
  readonly from: string
  readonly to: string
  readonly tests: string
}

const KERNEL_TESTS = 'test/shared/kernel/{kernel,ends}.test.ts'

const kernel = (name: string, from: string, to: string): Mutant => ({
  name,
  file: 'shared/kernel/kernel.ts',
  from,
  to,
  tests: KERNEL_TESTS,
})
const policy = (name: string, from: string, to: string): Mutant => ({
  name,
  file: 'shared/policy/policy.ts',
  from,
  to,
  tests: 'test/shared/policy/policy.test.ts',
})

export const KERNEL_MUTANTS: readonly Mutant[] = [
  kernel('performs what policy denied', `if (verdict.verdict === 'deny')`, `if (Date.now() < 0)`),
  kernel(
    'performs without an intent',
    'const record = await parts.journal.append(tx, body, input.kept)',
    `const record = { ...body, id: '01900000-0000-7000-8000-000000000001', tx }`,
  ),
  kernel('drops the outcome', 'await parts.journal.append(tx, body, output?.kept)', 'void [tx, body, parts]'),
  kernel(
    'records a failure as performed',
    `thrown instanceof EffectTimedOut ? 'unknown' : 'failed'`,
    `thrown instanceof EffectTimedOut ? 'unknown' : 'performed'`,
  ),
  kernel(
    'lets an input past its contract',
    'checkInput(task.performer.accepts, task.request)',
    'void [checkInput, task]',
  ),
  kernel('skips redaction', 'redacted(value, request.dataClass)', 'value'),
  kernel('spends no budget', '!(await spend(tx,', '!(await (async (..._all: unknown[]) => true)(tx,'),
  kernel('skips the check of the output inside', 'performer.check(done)', 'void done'),
  kernel('skips the check of the output outside', 'performer.check(output)', 'void output'),
  kernel('lets no name be too long', 'text.slice(0, MAX_NAME).toWellFormed()', 'text'),
  kernel('takes a lost answer for a failure', '.some(isOutcome)', '.every(() => false)'),
  kernel('waits for ever', 'Promise.race([work, late])', 'Promise.race([work])'),
  policy('lets a permit win over a deny', 'if (denying !== undefined)', 'if (denying?.id === "")'),
  policy(
    'permits by default',
    `'default-deny',`,
    `'', ) && ({ verdict: 'permit', rule: '', reason: '' }) || deny('',`,
  ),
  policy(
    'never expires',
    'return nowMs >= Date.parse(policy.expiresAt)',
    'return Number.isNaN(nowMs) && policy.v > 1',
  ),
  policy('ignores the confidence', '!(request.confidence >= rule.minConfidence)', 'request.confidence < 0'),
  policy(
    'ignores the data class',
    'rank(request.dataClass) > rank(rule.maxDataClass)',
    'rank(request.dataClass) < 0',
  ),
  policy('ignores the region', '!rule.regions.includes(route.region)', 'route.region.length === 0'),
  {
    name: 'guesses after a crash that a change took place',
    file: 'shared/kernel/recover.ts',
    from: "return 'did_not_take_place'",
    to: "return 'took_place'",
    tests: 'test/shared/kernel/ends.test.ts',
  },
  {
    name: 'takes an admission for another action',
    file: 'shared/kernel/admitted.ts',
    from: 'found.request.action !== action',
    to: 'action.length === 0',
    tests: 'test/mutation/gates.test.ts',
  },
  {
    name: 'lets an admission be used twice',
    file: 'shared/kernel/admitted.ts',
    from: 'grants.delete(admitted)',
    to: 'grants.get(admitted)',
    tests: KERNEL_TESTS,
  },
]
