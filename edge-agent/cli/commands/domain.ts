/** `starling domain build`, `starling domain eval`: a domain from its file to what a device runs, and how well it does. */
import { basename } from 'node:path'
import { sha256Hex } from '../../../shared/digest.ts'
import { buildDomain, type BuiltDomain } from '../../domain-build/build.ts'
import { writeBuiltFolder } from '../../domain-build/built-folder.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'

/** Guessed pronunciations that are shown to people; `--json` has them all. */
const SHOWN_GUESSES = 40

export async function domainBuild(
  call: Call,
  path: string,
  { out = `${basename(path).replace(/\.ya?ml$/i, '')}.domain` }: { readonly out?: string | undefined },
): Promise<ExitCode> {
  const began = performance.now()
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
