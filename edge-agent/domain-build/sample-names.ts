/** Names for what comes from a device's context, where a domain is built or tried without a device. */
import type { KnownNames } from '../grammar/compile.ts'

const named = (name: string) => ({ id: name, names: [name] })

export const SAMPLE_NAMES: KnownNames = {
  assets: ['feed water pump', 'pump one', 'north chiller', 'cooling tower', 'lift four', 'main boiler'].map(
    named,
  ),
  parts: ['mechanical seal', 'oil filter', 'drive belt', 'gasket', 'fuse', 'bearing'].map(named),
  workOrders: ['427', '9120', '3315', '508'],
}

/** For slots that take a day or a time. */
export const SAMPLE_MOMENTS: readonly string[] = [
  'today',
  'tomorrow',
  'tomorrow at nine in the morning',
  'on monday',
  'next friday',
  'on the fifth of march',
  'on wednesday at half past ten',
  'at three thirty',
  'at quarter past four',
  'in two hours',
  'in three days',
  'the day after tomorrow',
]

/** For slots that take any words. */
export const SAMPLE_TEXTS: readonly string[] = [
  'the door does not close',
  'there is a leak under the sink',
  'call me back tomorrow',
  'it stopped again this morning',
  'nobody was at home',
  'the left one is broken',
  'we need two more of them',
  'paint is coming off the cover',
]
