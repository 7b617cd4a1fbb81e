/** Speech by the free synthesisers that Debian packages, where they are installed: espeak-ng and flite. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sound } from '../../edge-agent/evaluation/recording.ts'
import { readWav } from '../../edge-agent/speech/wav.ts'

export interface Voice {
  readonly program: 'espeak-ng' | 'flite'
  readonly name: string
  /** Words a minute, espeak-ng only. */
  readonly speed?: number
}

export const SYNTHESIS_REMEDY = 'install them with: apt-get install espeak-ng flite'

export function isInstalled(program: Voice['program']): boolean {
  return spawnSync(program, ['--version']).error === undefined
}

/** Throws when the program is missing or knows no such voice. */
export function speak(text: string, voice: Voice): Sound {
  const folder = mkdtempSync(join(tmpdir(), 'starling-speak-'))
  const path = join(folder, 'speech.wav')
  try {
    if (voice.program === 'flite') execFileSync('flite', ['-voice', voice.name, '-t', text, '-o', path])
    else
      execFileSync('espeak-ng', ['-v', voice.name, '-s', String(voice.speed ?? 165), '-w', path, '--', text])
    return readWav(readFileSync(path))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
