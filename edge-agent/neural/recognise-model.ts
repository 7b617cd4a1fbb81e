/** Says which model a handful of ONNX files is, by what sherpa-onnx goes by: `metadata_props`, and inputs where there is none. */
import type { StreamingContract } from './contract.ts'
import { nemoContract, tOneContract, zipformer2CtcContract } from './ctc-contracts.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { ELEMENT, type OnnxHeader } from './onnx-header.ts'
import { transducerContract } from './transducer-contracts.ts'

export type FileRole = 'model' | 'encoder' | 'decoder' | 'joiner'

export type RecognisedModel =
  | {
      readonly kind: 'recogniser'
      readonly contract: StreamingContract
      /** Which of the given files is which. */
      readonly roles: readonly { readonly role: FileRole; readonly header: OnnxHeader }[]
    }
  /** Silero's voice activity detector, which has no metadata: input, state, sr. */
  | { readonly kind: 'vad'; readonly header: OnnxHeader }
  /** A sentence model: see `embedding.worker.ts` for the contract. */
  | { readonly kind: 'embedding'; readonly header: OnnxHeader }

const KNOWN =
  'a streaming NeMo CTC, zipformer2 CTC or T-one model, a Silero voice activity model, a sentence embedding model (input_ids, attention_mask), or encoder, decoder and joiner of a streaming zipformer transducer'

/** Throws {@link ModelFileRefused} with what was found and what was expected. */
export function recogniseModel(headers: readonly OnnxHeader[]): RecognisedModel {
  const [first] = headers
  if (headers.length === 3) return transducer(headers)
  if (first === undefined || headers.length !== 1)
    throw new ModelFileRefused('files-missing', {
      file: headers.map(({ file }) => file).join(', ') || 'no file',
      found: `${headers.length} ONNX files`,
      expected: 'one (CTC, voice activity), or three (a transducer)',
    })
  if (isSilero(first)) return { kind: 'vad', header: first }
  if (isEmbedding(first)) return { kind: 'embedding', header: first }
  const contract = contractOf(first)
  return { kind: 'recogniser', contract, roles: [{ role: 'model', header: first }] }
}

function contractOf(header: OnnxHeader): StreamingContract {
  const { metadata } = header
  const type = metadata.get('model_type') ?? ''
  if (type === 't-one' || (metadata.has('frame_length_ms') && metadata.has('state_dim')))
    return tOneContract(header)
  if (type === 'zipformer2' && !isEncoder(header)) return zipformer2CtcContract(header)
  if (metadata.has('cache_last_channel_dim1') || metadata.has('chunk_shift')) return nemoContract(header)
  if (isEncoder(header) || metadata.has('context_size') || metadata.has('joiner_dim'))
    throw new ModelFileRefused('files-missing', {
      file: header.file,
      found: `one part of a transducer (${described(header)})`,
      expected: 'its encoder, decoder and joiner together',
      remedy: 'Give the three files of the transducer in one call.',
    })
  throw unknown(header)
}

/** An encoder says its family as a CTC model does; only its first output, which is no distribution over symbols, tells. */
function isEncoder(header: OnnxHeader): boolean {
  const type = header.metadata.get('model_type') ?? ''
  return type.startsWith('zipformer') && (header.outputs[0]?.name.includes('encoder') ?? false)
}

function transducer(headers: readonly OnnxHeader[]): RecognisedModel {
  const decoder = only(headers, 'decoder', ({ metadata }) => metadata.has('context_size'))
  const encoder = only(headers, 'encoder', ({ metadata }) => metadata.has('decode_chunk_len'))
  const joiner = only(headers, 'joiner', (header) => header !== decoder && header !== encoder)
  const type = encoder.metadata.get('model_type') ?? ''
  if (type !== 'zipformer' && type !== 'zipformer2') throw unknown(encoder)
  const contract = transducerContract({ encoder, decoder, joiner })
  return {
    kind: 'recogniser',
    contract,
    roles: [
      { role: 'encoder', header: encoder },
      { role: 'decoder', header: decoder },
      { role: 'joiner', header: joiner },
    ],
  }
}

function only(
  headers: readonly OnnxHeader[],
  role: FileRole,
  is: (header: OnnxHeader) => boolean,
): OnnxHeader {
  const [found, another] = headers.filter(is)
  if (found !== undefined && another === undefined) return found
  throw new ModelFileRefused('files-missing', {
    file: headers.map(({ file }) => file).join(', '),
    found: found === undefined ? `no ${role}` : `more than one ${role}`,
    expected:
      'an encoder (metadata decode_chunk_len), a decoder (metadata context_size) and a joiner of one transducer',
  })
}

const EMBEDDING_INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids']
const EMBEDDING_OUTPUTS: readonly string[] = ['sentence_embedding', 'last_hidden_state', 'token_embeddings']

function isEmbedding({ inputs, outputs }: OnnxHeader): boolean {
  const names = inputs.map(({ name }) => name)
  return (
    names.includes('input_ids') &&
    names.includes('attention_mask') &&
    inputs.every(
      ({ name, elementType }) => EMBEDDING_INPUTS.includes(name) && elementType === ELEMENT.int64,
    ) &&
    outputs.some(({ name }) => EMBEDDING_OUTPUTS.includes(name))
  )
}

const SILERO_INPUTS: Readonly<Record<string, { readonly type: number; readonly rank: number }>> = {
  input: { type: ELEMENT.float32, rank: 2 },
  state: { type: ELEMENT.float32, rank: 3 },
  sr: { type: ELEMENT.int64, rank: 0 },
}

function isSilero({ inputs }: OnnxHeader): boolean {
  if (inputs.length !== 3) return false
  return inputs.every(({ name, elementType, dims }) => {
    const wanted = Object.hasOwn(SILERO_INPUTS, name) ? SILERO_INPUTS[name] : undefined
    // Some conversions make the rate a vector of one.
    return wanted?.type === elementType && (dims.length === wanted.rank || name === 'sr')
  })
}

function unknown(header: OnnxHeader): ModelFileRefused {
  return new ModelFileRefused('unknown-contract', {
    file: header.file,
    found: described(header),
    expected: KNOWN,
    remedy:
      'Only streaming models can be imported: whole-utterance models (Whisper, Paraformer, offline CTC) and raw checkpoints cannot.',
  })
}

const SHOWN = 12

function described({ metadata, inputs }: OnnxHeader): string {
  const type = metadata.get('model_type')
  const keys = [...metadata.keys()].slice(0, SHOWN).join(', ')
  const names = inputs
    .slice(0, SHOWN)
    .map(({ name }) => name)
    .join(', ')
  const said = metadata.size === 0 ? 'no metadata' : `metadata ${keys}`
  return `${type === undefined ? 'no model_type' : `model_type ${JSON.stringify(type.slice(0, 60))}`}, ${said}, inputs ${names || 'none'}`
}
