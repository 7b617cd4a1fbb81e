/** Debian's pocketsphinx on the same samples: the domain as a JSGF grammar, words that its dictionary lacks by our guess. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Sound } from '../../edge-agent/evaluation/recording.ts'
import type { Domain } from '../../edge-agent/grammar/domain.ts'
import type { TemplateNode } from '../../edge-agent/grammar/template.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { Lexicon } from '../../edge-agent/speech/lexicon.ts'
import { readModel } from '../../edge-agent/speech/model-files.ts'
import { Resampler } from '../../edge-agent/speech/resampler.ts'
import { spell } from '../../edge-agent/speech/spelling.ts'
import { wav } from '../support/sounds.ts'

const MODEL = '/usr/share/pocketsphinx/model/en-us'
const PROGRAM = 'pocketsphinx_batch'
const ENGLISH = { dict: `${MODEL}/cmudict-en-us.dict`, lm: `${MODEL}/en-us.lm.bin` }

export function pocketsphinxIsThere(): boolean {
  return spawnSync('which', [PROGRAM]).status === 0 && spawnSync('test', ['-d', MODEL]).status === 0
}

/** The text heard in each sound, empty for none; without a domain by its own model of English. Throws when the program fails. */
export function hearByPocketsphinx(sounds: readonly Sound[], domain: Domain | null): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'starling-pocketsphinx-'))
  const at = (name: string): string => join(folder, name)
  try {
    sounds.forEach(({ sampleRate, samples }, i) =>
      writeFileSync(at(`${i}.wav`), wav(new Resampler(sampleRate, 16_000).push(samples))),
    )
    writeFileSync(at('files'), sounds.map((_, i) => `${i}\n`).join(''))
    const options = {
      hmm: join(MODEL, 'en-us'),
      ...(domain === null ? ENGLISH : writeGrammar(domain, at)),
      ctl: at('files'),
      cepdir: folder,
      cepext: '.wav',
      adcin: 'yes',
      adchdr: '44',
      hyp: at('heard'),
      logfn: at('log'),
    }
    execFileSync(
      PROGRAM,
      Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]),
    )
    const lines = readFileSync(at('heard'), 'utf8').trimEnd().split('\n')
    if (lines.length !== sounds.length)
      throw new Error(`${PROGRAM} heard ${lines.length} of ${sounds.length}`)
    return lines.map((line) => line.replace(/\s*\([^()]*\)$/, '').trim())
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Its options for a grammar, whose files are written. */
function writeGrammar(domain: Domain, at: (name: string) => string): { dict: string; jsgf: string } {
  const grammar = jsgfOf(domain)
  writeFileSync(at('grammar.jsgf'), grammar)
  writeFileSync(at('words.dict'), dictionaryFor(grammar))
  return { dict: at('words.dict'), jsgf: at('grammar.jsgf') }
}

/** Lists, words and choices; a domain with numbers or open text cannot be said in it. */
function jsgfOf(domain: Domain): string {
  const slots = Object.entries(domain.slots).map(([name, slot]) => {
    if (slot.type !== 'list') throw new Error(`pocketsphinx gets lists only, and ${name} is ${slot.type}`)
    const says = Object.entries(slot.values).flatMap(([value, others]) => [value, ...others])
    return `<slot_${name}> = ${says.map((text) => text.toLowerCase()).join(' | ')};`
  })
  const phrases = Object.entries(domain.phrases).map(([name, node]) => `<phrase_${name}> = ${expand(node)};`)
  const templates = domain.intents.flatMap((intent) => intent.templates.map(expand))
  return `#JSGF V1.0;\ngrammar domain;\npublic <command> = ${templates.join('\n | ')};\n${[...slots, ...phrases].join('\n')}\n`
}

function expand(node: TemplateNode): string {
  switch (node.kind) {
    case 'word':
      return node.word.toLowerCase()
    case 'sequence':
      return node.items.map(expand).join(' ')
    case 'choice':
      return `(${node.options.map(expand).join(' | ')})`
    case 'optional':
      return `[${expand(node.item)}]`
    case 'slot':
      return `<slot_${node.slot}>`
    case 'phrase':
      return `<phrase_${node.phrase}>`
  }
}

function dictionaryFor(grammar: string): string {
  const known = readFileSync(join(MODEL, 'cmudict-en-us.dict'), 'utf8')
  const words = new Set(known.split('\n').map((line) => line.split(/[\s(]/)[0] ?? ''))
  const body = grammar.slice(grammar.indexOf('public')).replaceAll(/<[^>]*>/g, ' ')
  const missing = [...new Set(body.match(/[a-z][a-z'-]*/g))].filter(
    (word) => word !== 'public' && !words.has(word),
  )
  const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
  const lexicon = new Lexicon(files, files.phones.phones)
  const guesses = missing.flatMap((word) => {
    const [phones] = [...lexicon.lookup(word), ...spell(word, lexicon)]
    return phones === undefined
      ? []
      : [`${word} ${phones.map((phone) => files.phones.phones[phone]).join(' ')}`]
  })
  return `${known.trimEnd()}\n${guesses.join('\n')}\n`
}
