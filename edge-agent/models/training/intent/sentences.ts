/**
 * Training sentences for the intent classifier, as JSON lines on standard output: walks through the domain's own grammar by a
 * seed, the hand-written paraphrases, and sentences that want nothing from us.
 *
 *     node dist/edge-agent/models/training/intent/sentences.js > sentences.jsonl
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import * as v from 'valibot'
import { packageRoot } from '../../../../shared/package-root.ts'
import { compileDomain } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import type { Net, NetArc } from '../../../grammar/net.ts'

const PER_INTENT = 900
const SEED = 7
const MAX_STEPS = 400

/** Names to train with: other devices have others, and the classifier must not learn these. */
const NAMES = {
  assets: ['feed water pump', 'main boiler', 'north chiller', 'lift four', 'conveyor two', 'fan coil unit'].map((name) => ({
    id: name,
    names: [name],
  })),
  parts: ['mechanical seal', 'oil filter', 'drive belt', 'door gasket', 'fuse', 'relay', 'bearing'].map((name) => ({
    id: name,
    names: [name],
  })),
  workOrders: ['427', '9120', '3315', '508'],
}
const OPEN_PHRASES = [
  'the coupling is worn',
  'there is a leak at the flange',
  'replaced the filter',
  'which valve do i close',
  'the noise is gone',
  'customer was not at home',
  'paint is coming off the cover',
]

/** Mulberry32: small, seeded, good enough to shuffle. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function walk(net: Net, leaving: readonly (readonly NetArc[])[], random: () => number): string | null {
  const words: string[] = []
  let state = net.start
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const arcs = (leaving[state] ?? []).filter(({ label }) => label.kind !== 'typed')
    if (net.finals.has(state) && (arcs.length === 0 || random() < 0.7)) return words.join(' ')
    const arc = arcs[Math.floor(random() * arcs.length)]
    if (arc === undefined) return null
    if (arc.label.kind === 'word') words.push(arc.label.word)
    if (arc.label.kind === 'open') {
      words.push(OPEN_PHRASES[Math.floor(random() * OPEN_PHRASES.length)] ?? '')
      const closing = (leaving[arc.to] ?? []).find(({ label }) => label.kind === 'end')
      state = closing?.to ?? arc.to
    } else state = arc.to
  }
  return null
}

function walked(domain: Domain, random: () => number): readonly { intent: string; text: string; source: string }[] {
  return domain.intents.flatMap((intent) => {
    const net = compileDomain({ ...domain, intents: [intent] }, NAMES)
    const leaving: NetArc[][] = Array.from({ length: net.stateCount }, () => [])
    for (const arc of net.arcs) leaving[arc.from]?.push(arc)
    const texts = new Set<string>()
    for (let tries = 0; tries < PER_INTENT * 4 && texts.size < PER_INTENT; tries += 1) {
      const text = walk(net, leaving, random)
      if (text !== null && text !== '') texts.add(text)
    }
    return [...texts].map((text) => ({ intent: intent.name, text, source: 'grammar' }))
  })
}

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')
const domain = parseDomain(read('edge-agent/domains/field-service.yaml'))
const written = v.parse(
  v.record(v.string(), v.array(v.string())),
  parse(read('edge-agent/models/training/intent/paraphrases.yaml')),
)
for (const sentence of walked(domain, seeded(SEED))) process.stdout.write(`${JSON.stringify(sentence)}\n`)
for (const [intent, texts] of Object.entries(written))
  for (const text of texts) process.stdout.write(`${JSON.stringify({ intent, text, source: 'written' })}\n`)
