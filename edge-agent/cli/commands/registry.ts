/** `starling models`: taking in a model that somebody has, and what models there are. */
import { declareRuntime } from '../../models-import/declare-runtime.ts'
import { importModel } from '../../models-import/import-model.ts'
import {
  chooseDictation,
  chooseSearch,
  chooseVoice,
  importedFolder,
  listModels,
  type ModelPurpose,
  purposeOf,
} from '../../models-import/registry.ts'
import { NO_LICENCE_SAID, type ImportedCard, type ModelClass } from '../../neural/model-card.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'

export interface ImportOptions {
  readonly tokens?: string
  readonly name?: string
  readonly licence?: string
}

export async function modelsImport(
  call: Call,
  files: readonly string[],
  options: ImportOptions,
): Promise<ExitCode> {
  const { tokens, name, licence } = options
  const { card, dir, isNew } = await importModel({
    folder: importedFolder(call.home.edge),
    files,
    ...(tokens === undefined ? {} : { tokens }),
    ...(name === undefined ? {} : { name }),
    ...(licence === undefined ? {} : { licence }),
    nowMs: Date.now(),
    signal: call.signal,
  })
  const { golden: _golden, ...shown } = card
  call.output.answer({ ...shown, dir, new: isNew }, [
    `${isNew ? 'imported' : 'was there already'}: ${card.name}  (${card.class}, ${card.contract})`,
    `licence  ${card.licence}${card.licence === NO_LICENCE_SAID ? ' (nobody said; name it with --licence)' : ''}`,
    `digest   ${card.digest}`,
    ...card.warnings.map((warning) => `note     ${warning}`),
    ...tryIt(card),
  ])
  return EXIT.ok
}

function tryIt({ class: kind, name }: ImportedCard): readonly string[] {
  return [
    kind === 'embedding' || kind === 'vad'
      ? `use it   starling models use ${name}`
      : `try it   starling transcribe FILE.wav --model ${name}`,
  ]
}

export interface DeclareOptions {
  readonly name: string
  readonly licence: string
  readonly class: ModelClass
}

export async function modelsDeclare(call: Call, url: string, options: DeclareOptions): Promise<ExitCode> {
  const card = await declareRuntime({
    ...options,
    url,
    folder: importedFolder(call.home.edge),
    nowMs: Date.now(),
    signal: call.signal,
  })
  call.output.answer(card, [
    `declared: ${card.name}, which serves ${card.model.name} at ${card.url}`,
    `licence  ${card.licence}`,
    `digest   ${card.digest}`,
    `try it   starling transcribe FILE.wav --model ${card.name}`,
  ])
  return EXIT.ok
}

export async function modelsList(call: Call): Promise<ExitCode> {
  const models = await listModels(call.home.edge)
  const rows = models.map(({ name, class: kind, licence, residency, source, active, digest, problem }) => [
    `${active ? '*' : ' '} ${name}`,
    kind,
    licence,
    residency,
    source,
    problem ?? digest.slice(0, 12),
  ])
  const titles = ['  model', 'class', 'licence', 'residency', 'source', 'digest']
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  call.output.answer(
    { models },
    [titles, ...rows].map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  )
  return EXIT.ok
}

export async function modelsUse(
  call: Call,
  name: string,
  options: { readonly for?: ModelPurpose },
): Promise<ExitCode> {
  const folder = importedFolder(call.home.edge)
  const model = name === 'default' ? null : name
  const purpose = options.for ?? (model === null ? 'dictation' : purposeOf(folder, model))
  if (purpose === 'search') {
    await chooseSearch(folder, model)
    call.output.answer({ search: name }, [
      `search goes to ${name} once its vectors are made; until then it goes on as before`,
    ])
    return EXIT.ok
  }
  if (purpose === 'voice') {
    await chooseVoice(folder, model)
    call.output.answer({ voice: name }, [
      `whether somebody speaks is told by ${name} from the next utterance on`,
    ])
    return EXIT.ok
  }
  await chooseDictation(folder, model)
  call.output.answer({ dictation: name }, [`transcription without --model goes to ${name}`])
  return EXIT.ok
}
