/** `starling demo`: plays the story on a data folder and ports of its own, and checks every claim of it. */
import { reportError } from '../../../shared/errors.ts'
import type { Call } from '../call.ts'
import { Stage } from '../demo/stage.ts'
import { SCENES, type Claim, type Scene } from '../demo/story.ts'
import { EXIT, type ExitCode } from '../output.ts'

/** Exit code `refused` when a claim does not hold; the scenes after a broken one are still tried. */
export async function demo({ home, output, signal }: Call): Promise<ExitCode> {
  const lines: string[] = []
  const stage = new Stage({ signal, bin: home.bin, onLog: (line) => lines.push(line) })
  const started = performance.now()
  const claims: Claim[] = []
  try {
    for (const [index, scene] of SCENES.entries()) {
      const claim = await played(scene, stage)
      claims.push(claim)
      output.progress(
        `${String(index + 1).padStart(2)}  ${claim.holds ? 'holds ' : 'BROKEN'}  ${claim.claim}`,
      )
      output.progress(`              ${claim.checked}`)
    }
  } finally {
    await stage.close()
  }
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  const broken = claims.filter(({ holds }) => !holds).length
  if (broken > 0) for (const line of lines.slice(-40)) output.progress(`    ${line}`)
  output.answer(claims, [
    broken === 0
      ? `All ${claims.length} claims hold, after ${seconds} s.`
      : `${broken} of ${claims.length} claims do NOT hold, after ${seconds} s.`,
  ])
  return broken === 0 ? EXIT.ok : EXIT.refused
}

async function played(scene: Scene, stage: Stage): Promise<Claim> {
  try {
    return { claim: scene.claim, ...(await scene.play(stage)) }
  } catch (thrown) {
    const { code, message } = reportError(thrown)
    return { claim: scene.claim, checked: `it failed (${code}): ${message}`, holds: false }
  }
}
