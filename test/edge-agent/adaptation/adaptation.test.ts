/** Adaptation on the recordings that Starling comes with: it learns, says what came of it, and leaves the base as it was. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adaptToSite, LEAST_RECORDINGS } from '../../../edge-agent/adaptation/adaptation.ts'
import { contentChecks } from '../../../rollout/bundle/examine.ts'
import { openFolder } from '../../../rollout/bundle/folder.ts'
import { readCard } from '../../../edge-agent/adaptation/candidate.ts'
import { readFolder } from '../../../edge-agent/cli/commands/folder-files.ts'
import { NothingToLearn } from '../../../edge-agent/adaptation/errors.ts'
import { sentencesUnderTest } from '../../../edge-agent/adaptation/sentences-under-test.ts'
import { readManifest, type Entry } from '../../../edge-agent/evaluation/manifest.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { readModel } from '../../../edge-agent/speech/model-files.ts'
import { dataFolder } from '../../support/data-folder.ts'

const modelDir = fileURLToPath(MODEL_FOLDERS.speech)
const { entries } = readManifest(fileURLToPath(MODEL_FOLDERS.guard))
const texts = entries.map(({ text }) => text ?? '')
/** The short ones, again and again: a site with few words. */
const short = entries.filter(({ text }) => text === 'yes please')
const repeated = (count: number): readonly Entry[] =>
  Array.from({ length: count }, (_, index) => (index % 7 === 0 ? entries[0] : short[0]) as Entry)

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeAll(async () => {
  folder = await dataFolder('adaptation')
})
afterAll(async () => await folder.remove())

const adapt = async (given: readonly Entry[], out: string, version = '1.0.1') => {
  const lines: string[] = []
  const report = await adaptToSite({
    entries: given,
    domain: null,
    guard: { entries, domain: sentencesUnderTest(texts) },
    modelDir,
    out: join(folder.path, out),
    version,
    nowIso: '2026-01-01T00:00:00.000Z',
    signal: new AbortController().signal,
    onProgress: (line) => lines.push(line),
  })
  return { report, lines }
}

describe('adapting to a site', () => {
  it('makes a candidate that explains what it heard better, passes its golden vectors and names its base', async () => {
    const before = readModel(modelDir).digest
    const { report, lines } = await adapt(repeated(26), 'candidate')
    expect(report.learnt.recordings).toBe(21)
    expect(report.learnt.logLikelihoodAfter).toBeGreaterThan(report.learnt.logLikelihoodBefore + 1)
    expect(report.heldBack).toMatchObject({ recordings: 5, candidate: { value: 1 } })
    expect(report).toMatchObject({ fit: true, guard: { recordings: 5, candidate: { of: 5 } } })
    expect(readModel(modelDir).digest).toBe(before)
    expect(report.candidate.digest).not.toBe(before)
    const card = readCard(report.candidate.dir) as unknown as { version: string; adaptation: object }
    expect(card).toMatchObject({ version: '1.0.1', adaptation: { base: { digest: before }, recordings: 21 } })
    expect(lines.join('\n')).toMatch(/passes over recordings/)
    // What is known of it lies beside it: it can be published as it is.
    const { manifest, held } = openFolder(readFolder(report.candidate.dir), {
      name: 'speech',
      environment: 'development',
      nowMs: 0,
    })
    expect(contentChecks(manifest, held).filter(({ fault }) => fault !== null)).toEqual([])
  })

  it('makes nothing of a few recordings', async () => {
    await expect(adapt(repeated(LEAST_RECORDINGS), 'few')).rejects.toThrow(NothingToLearn)
  })

  it('is refused by the recogniser when its numbers are not its golden vectors’', async () => {
    const forged = join(folder.path, 'forged')
    cpSync(modelDir, forged, { recursive: true })
    const golden = JSON.parse(readFileSync(join(forged, 'golden.json'), 'utf8')) as { expected: number[][] }
    golden.expected[0]?.fill(1, 0, 1)
    writeFileSync(join(forged, 'golden.json'), JSON.stringify(golden))
    const { openRecogniser } = await import('../../../edge-agent/speech/recogniser.ts')
    await expect(openRecogniser({ modelDir: forged })).rejects.toMatchObject({ code: 'model_refused' })
  })
})
