/** `starling reset`: forgets everything in the data folder, after asking. */
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { StarlingError } from '../../../shared/errors.ts'
import { takeFolderLock } from '../../../shared/folder-lock.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile } from '../run-files.ts'

export class ResetRefused extends StarlingError {
  override readonly code = 'reset_refused'
}

/** Throws {@link ResetRefused} while something runs on the folder, or when nobody can be asked and `yes` was not given. */
export async function reset({ home, output }: Call, options: { readonly yes?: boolean }): Promise<ExitCode> {
  for (const part of ['edge', 'hub'] as const) {
    const running = readRunFile(home, part)
    if (running !== null)
      throw new ResetRefused(`the ${part} of ${home.root} is running (process ${running.pid})`, {
        remedy: 'Stop it first.',
      })
  }
  const lock = takeFolderLock(home.root, 'reset')
  try {
    if (options.yes !== true && !(await agreed(home.root))) {
      output.answer({ reset: false }, ['Nothing was changed.'])
      return EXIT.refused
    }
    // Only what Starling put there: the folder may have been chosen carelessly, and programs in `bin` are not state.
    for (const folder of [home.edge, home.hub, home.run]) rmSync(folder, { recursive: true, force: true })
  } finally {
    lock.release()
  }
  output.answer({ reset: true, folder: home.root }, [`Forgot everything in ${home.root}.`])
  return EXIT.ok
}

async function agreed(root: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new ResetRefused('nobody can be asked: standard input is not a terminal', {
      remedy: 'Say so outright: `starling reset --yes`.',
    })
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const said = await asking.question(
      `This deletes the device's identity, its records that were not sent, and the centre's data in ${root}.\nType yes to go on: `,
    )
    return said.trim().toLowerCase() === 'yes'
  } finally {
    asking.close()
  }
}
