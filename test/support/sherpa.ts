/** sherpa-onnx on the same model files and the same audio: the peer that ours must agree with. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageRoot } from '../../shared/package-root.ts'

const PROCESS = fileURLToPath(new URL('test/support/sherpa-process.mjs', packageRoot()))
/** Where its package brings a prebuilt addon. */
const PREBUILT = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-ia32']
const MOST_OUTPUT_BYTES = 256 * 1024 * 1024

/** Null where it can run, else why tests against it are skipped here. */
export function sherpaAbsent(): string | null {
  const here = `${process.platform}-${process.arch}`
  const { header } = process.report.getReport() as unknown as {
    header: { readonly glibcVersionRuntime?: string }
  }
  if (process.platform === 'linux' && header.glibcVersionRuntime === undefined)
    return 'sherpa-onnx-node has no prebuilt addon for a C library other than glibc'
  return PREBUILT.includes(here) ? null : `sherpa-onnx-node has no prebuilt addon for ${here}`
}

export interface SherpaResult {
  readonly text: string
  readonly tokens: readonly string[]
  readonly timestamps: readonly number[]
  /** Logarithms of the emitted symbols' probabilities; transducers only. */
  readonly ys_probs: readonly number[]
}

export interface SherpaCall {
  /** A folder for the audio. */
  readonly folder: string
  /** As sherpa-onnx's `modelConfig` names it. */
  readonly model: Readonly<Record<string, unknown>>
  readonly tokens: string
  readonly sampleRate: number
  readonly streams: readonly Float32Array[]
  /** Further rounds over the same audio, whose processor time is told. */
  readonly rounds?: number
  readonly stepS?: number
  /** One stream a call instead of a batch. */
  readonly alone?: boolean
}

export async function sherpaHears(
  call: SherpaCall,
): Promise<{ readonly results: readonly SherpaResult[]; readonly processorUs: number }> {
  const { folder, streams, ...rest } = call
  const paths = streams.map((samples, index) => {
    const path = join(folder, `sherpa-${index}.f32`)
    writeFileSync(path, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    return path
  })
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROCESS, JSON.stringify({ ...rest, streams: paths })],
    { maxBuffer: MOST_OUTPUT_BYTES },
  )
  return JSON.parse(stdout) as { results: SherpaResult[]; processorUs: number }
}

/** `modelConfig` for a model's files by role, in `dir`. */
export function sherpaModel(family: string, dir: string): Readonly<Record<string, unknown>> {
  const path = (role: string): string => join(dir, `${role}.onnx`)
  if (family.endsWith('-transducer'))
    return {
      transducer: { encoder: path('encoder'), decoder: path('decoder'), joiner: path('joiner') },
    }
  const keys: Readonly<Record<string, string>> = {
    'nemo-ctc': 'nemoCtc',
    'zipformer2-ctc': 'zipformer2Ctc',
    't-one-ctc': 'toneCtc',
  }
  return { [keys[family] ?? family]: { model: path('model') } }
}
