/** What models are given and give, whoever made them, and what says of them what they are. */
import type { Contract, ContractWay } from '../../shared/contracts/contract.ts'
import { RecognisedSchema, RuntimeModelSchema } from '../models-import/http-runtime.ts'
import { DeclaredCardSchema, ImportedCardSchema } from '../neural/model-card.ts'
import { HeardSchema, MeaningSchema } from './model-performers.ts'

const model = (name: string, way: ContractWay, major: number, schema: Contract['schema']): Contract => ({
  name: `model.${name}`,
  kind: 'model',
  way,
  major,
  schema,
})

/** What they are given is the contract of the effects `model.transcribe` and `model.understand`. */
export const MODEL_CONTRACTS: readonly Contract[] = [
  model('transcribe.output', 'out', 1, HeardSchema),
  model('understand.output', 'out', 1, MeaningSchema),
  model('imported-card', 'in', 1, ImportedCardSchema),
  model('declared-card', 'in', 1, DeclaredCardSchema),
  model('http-runtime.model', 'in', 1, RuntimeModelSchema),
  model('http-runtime.recognised', 'in', 1, RecognisedSchema),
]
