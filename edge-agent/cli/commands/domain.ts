/** `starling domain build`, `starling domain eval`: a domain from its file to what a device runs, and how well it does. */
import { basename } from 'node:path'
import { sha256Hex } from '../../../shared/digest.ts'
import { buildDomain, type BuiltDomain } from '../../domain-build/build.ts'
import { writeBuiltFolder } from '../../domain-build/built-folder.ts'
import { prepareDomain } from '../../domain-build/prepared-domain.ts'
import { SAMPLE_NAMES } from '../../domain-build/sample-names.ts'
import type { Rate } from '../../evaluation/statistics.ts'
import { textReport, type TextOutcome, type TextReport } from '../../evaluation/text-evaluation.ts'
import { readTextTests } from '../../evaluation/text-tests.ts'
import { requireAnswers } from '../../grammar/answers.ts'
import { readDomainFile } from '../../grammar/domain-file.ts'
import { openUnderstanding } from '../../intent/understanding.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'

export async function domainEval(
  call: Call,
  path: string,
  { tests: testsPath }: { readonly tests: string },
): Promise<ExitCode> {
  const domain = readDomainFile(path)
  const tests = readTextTests(testsPath, new Set(domain.intents.map(({ name }) => name)))
  const { signal, output } = call
  const prepared = await prepareDomain(path, call.home.domains, {
    signal,
    onProgress: (line) => output.progress(line),
  })
  const understanding = await openUnderstanding(prepared.folder, { signal })
  try {
    const outcomes: TextOutcome[] = []
    for (const test of tests) {
      signal.throwIfAborted()
      const began = performance.now()
      const understood = await understanding.understand(test.text, SAMPLE_NAMES)
      const own = domain.intents.find(({ name }) => name === understood.intent)?.thresholds.ask ?? 0
      const ask = Math.max(USUAL_ASK, own)
      outcomes.push({ test, understood, ask, tookMs: performance.now() - began })
    }
    const report = textReport(outcomes)
    output.answer({ domain: domain.name, ...report }, reportLines(domain.name, report))
    return EXIT.ok
  } finally {
    await understanding.close()
  }
}

/** Of the policy that a centre signs at first. */
const USUAL_ASK = 0.4

function reportLines(name: string, report: TextReport): readonly string[] {
  const { accuracy, accepted, rejected, falselyRejected, tookMs } = report
  return [
    `${name}: ${report.sentences} sentences`,
    `  intent right                ${shown(accuracy)}`,
    `  intent and slots right      ${shown(accepted)}`,
    `  no wish, left alone         ${shown(rejected)}`,
    `  a wish, left alone          ${shown(falselyRejected)}`,
    `  confidence off by           ${((report.calibration.error ?? 0) * 100).toFixed(1)} % on average`,
    `  took                        p50 ${tookMs.p50?.toFixed(1)} ms, p95 ${tookMs.p95?.toFixed(1)} ms`,
    'intents (found of those meant, right of those understood):',
    ...report.intents.map(
      ({ intent, recall, precision }) =>
        `  ${intent.padEnd(24)} ${`${recall.count}/${recall.of}`.padStart(9)} ${`${precision.count}/${precision.of}`.padStart(9)}`,
    ),
    ...(report.confusion.length === 0 ? [] : ['taken for another:']),
    ...report.confusion.map(({ meant, understood, count }) => `  ${meant} → ${understood}  ${count}`),
    ...(report.slots.length === 0 ? [] : ['slots (right, wrong, missing, not meant):']),
    ...report.slots.map(
      ({ slot, right, wrong, missing, extra }) =>
        `  ${slot.padEnd(24)} ${right}  ${wrong}  ${missing}  ${extra}`,
    ),
  ]
}

function shown({ value, count, of, low, high }: Rate): string {
  if (value === null || low === null || high === null) return 'none to judge'
  const percent = (share: number): string => (share * 100).toFixed(1)
  return `${percent(value)} %  (${count} of ${of}; ${percent(low)} to ${percent(high)})`
}

/** Guessed pronunciations that are shown to people; `--json` has them all. */
const SHOWN_GUESSES = 40

export async function domainBuild(
  call: Call,
  path: string,
  { out = `${basename(path).replace(/\.ya?ml$/i, '')}.domain` }: { readonly out?: string | undefined },
): Promise<ExitCode> {
  const began = performance.now()
  requireAnswers(path, readDomainFile(path))
  const built = await buildDomain(path, {
    signal: call.signal,
    onProgress: (line) => call.output.progress(line),
  })
  writeBuiltFolder(out, built.files)
  const seconds = Math.round((performance.now() - began) / 100) / 10
  const { domain, lexicon, figures, graph, sentences } = built
  const answer = {
    domain: domain.name,
    version: domain.version,
    out,
    seconds,
    intents: domain.intents.length,
    words: lexicon.entries.length,
    guessed: guessesOf(built),
    unheard: lexicon.unheard,
    graph,
    sentences,
    figures,
    files: [...built.files].map(([file, bytes]) => ({
      path: file,
      sizeBytes: bytes.length,
      sha256: sha256Hex(bytes),
    })),
  }
  call.output.answer(answer, summaryLines(built, { out, seconds }))
  return EXIT.ok
}

function guessesOf({ lexicon }: BuiltDomain): readonly { readonly word: string; readonly phones: string }[] {
  return lexicon.entries
    .filter(({ source }) => source === 'letters')
    .map(({ word, phones }) => ({ word, phones: phones.join(' | ') }))
}

function summaryLines(
  built: BuiltDomain,
  { out, seconds }: { readonly out: string; readonly seconds: number },
): readonly string[] {
  const { domain, graph, figures, sentences, lexicon } = built
  const guesses = guessesOf(built)
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  return [
    `built ${domain.name} ${domain.version} in ${seconds} s: ${out}`,
    `  intents     ${domain.intents.length}, slots ${Object.keys(domain.slots).length}`,
    `  grammar     ${graph.states} states, ${graph.arcs} arcs, ${graph.units} units with the speech model`,
    `  words       ${lexicon.entries.length}, ${guesses.length} of them by their spelling`,
    `  intents of held-back sentences right   ${percent(figures.heldOut)} of ${figures.heldOutSentences}`,
    `  sentences from elsewhere left alone    ${percent(figures.outOfScopeKeptOut)} of ${figures.outOfScopeSentences}`,
    `  test set    ${sentences.tests} sentences, synthetic: tests.jsonl`,
    ...(guesses.length === 0
      ? []
      : ['check how these words sound; write what is wrong under pronunciations:']),
    ...guesses.slice(0, SHOWN_GUESSES).map(({ word, phones }) => `  ${word.padEnd(18)} ${phones}`),
    ...(guesses.length > SHOWN_GUESSES
      ? [`  … and ${guesses.length - SHOWN_GUESSES} more in lexicon.json`]
      : []),
    ...lexicon.unheard.map((word) => `  ${word.padEnd(18)} cannot be heard: give it a pronunciation`),
  ]
}
