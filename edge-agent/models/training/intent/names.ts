/** Names to walk templates with: every site has others, and the classifier sees none of them. */
import type { KnownNames } from '../../../grammar/compile.ts'

const named = (name: string) => ({ id: name, names: [name] })

export const TRAINING_NAMES: KnownNames = {
  assets: [
    'feed water pump',
    'pump one',
    'boiler two',
    'north chiller',
    'cooling tower',
    'air compressor',
    'generator',
    'heat exchanger four',
    'lift four',
  ].map(named),
  parts: [
    'mechanical seal',
    'oil filter',
    'filter',
    'drive belt',
    'gasket',
    'impeller',
    'safety valve',
    'fuse',
    'bearing',
  ].map(named),
  workOrders: ['427', '9120', '3315', '508'],
}

/** For slots that take any words. */
export const FREE_TEXTS: readonly string[] = [
  'the coupling is worn',
  'there is a leak at the flange',
  'replaced the filter',
  'which valve do i close',
  'the noise is gone',
  'customer was not at home',
  'paint is coming off the cover',
  'the door would not open',
  'we had to drain the tank twice',
  'the oil smells burnt',
  'somebody left the panel open',
  'that',
  'the next one',
]
