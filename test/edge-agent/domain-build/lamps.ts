/** A small domain for tests, and a folder to build it in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDomain, type BuiltDomain } from '../../../edge-agent/domain-build/build.ts'

export const LAMPS = `domain: lamps
version: 1.2.0
phrases:
  lamp: "(lamp | light | lights)"
slots:
  room: { type: list, values: { kitchen: [galley], hall: , zwickelroom: } }
  level: { type: number, from: 0, to: 10 }
  message: { type: text }
intents:
  lamp.on:
    templates: ["(turn | switch) on the [{room}] <lamp>", "<lamp> on [in the {room}]"]
  lamp.off:
    templates: ["(turn | switch) off the [{room}] <lamp>", "<lamp> off [in the {room}]", "make it dark"]
  lamp.dim:
    required: [level]
    thresholds: { act: 0.95 }
    templates: ["dim the [{room}] <lamp> to {level}"]
  note:
    required: [message]
    templates: ["leave a note that {message}"]
  turn.confirm:
    effectful: false
    templates: ["(yes | do it)"]
  turn.deny:
    effectful: false
    templates: ["(no | leave it)"]
pronunciations:
  galley: [G AE L IY]
`

export interface Workshop {
  readonly folder: string
  write(name: string, text: string): string
  build(path: string): Promise<BuiltDomain>
  close(): void
}

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'domain-build-'))
  return {
    folder,
    write: (name, text) => {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    },
    build: async (path) =>
      await buildDomain(path, { signal: new AbortController().signal, onProgress: () => undefined }),
    close: () => rmSync(folder, { recursive: true }),
  }
}
