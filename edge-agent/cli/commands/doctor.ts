/** `starling doctor`: says what is there, what is missing and how to mend it; changes nothing. */
import { join } from 'node:path'
import { findNatsServer } from '../../../shared/fabric/nats-server-binary.ts'
import { reportError } from '../../../shared/errors.ts'
import { DATABASE_FOLDER } from '../../home.ts'
import type { Call } from '../call.ts'
import { examine, healthy } from '../doctor.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { MODEL_FOLDERS } from '../../models/shipped.ts'

const MARK = { ok: 'ok     ', warning: 'warning', missing: 'MISSING' } as const

export async function doctor(call: Call): Promise<ExitCode> {
  const findings = await examine({
    nodeVersion: process.version,
    nowMs: Date.now(),
    root: call.home.root,
    database: join(call.home.edge, DATABASE_FOLDER),
    modelFiles: Object.values(MODEL_FOLDERS),
    ports: [
      { name: "centre's HTTP", port: 7400 },
      { name: "hub's NATS", port: 7422 },
      { name: 'leaf nodes', port: 7423 },
      { name: "technician's page", port: 7500 },
    ],
    findNatsServer: async () => await natsFinding(call),
  })
  call.output.answer(
    { healthy: healthy(findings), findings },
    findings.flatMap(({ name, state, found, remedy }) => [
      `${MARK[state]}  ${name.padEnd(20)} ${found}`,
      ...(remedy === null ? [] : [`           remedy: ${remedy}`]),
    ]),
  )
  return healthy(findings) ? EXIT.ok : EXIT.unavailable
}

async function natsFinding({ home, env, signal }: Call): Promise<{ found: string } | { remedy: string }> {
  try {
    const { path, version } = await findNatsServer({
      env,
      cacheDir: home.bin,
      mayInstall: false,
      onProgress: () => undefined,
      signal,
    })
    return { found: `${path} (${version})` }
  } catch (thrown) {
    return { remedy: reportError(thrown).remedy }
  }
}
