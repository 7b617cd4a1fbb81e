/** Makes one delta in a thread of its own, since it takes seconds of computing, and decodes it again before anybody is told of it. */
import { parentPort, workerData } from 'node:worker_threads'
import { decodeDelta } from '../../rollout/delta/decode.ts'
import { encodeDelta } from '../../rollout/delta/encode.ts'
import { inMemory } from '../../rollout/delta/random-access.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import type { DeltaWork, FromDeltaWorker } from './delta-work.ts'

const port = parentPort
if (port === null) throw new InvariantBroken('delta.worker runs as a worker thread')
const send = (message: FromDeltaWorker): void => port.postMessage(message)

try {
  const { base, target } = workerData as DeltaWork
  const { bytes } = encodeDelta(base, target)
  const pieces = decodeDelta({
    base: inMemory(base),
    delta: inMemory(bytes),
    target: { sha256: sha256Hex(target), sizeBytes: target.length },
  })
  // A delta that does not lead to its target rejects here.
  while ((await pieces.next()).done !== true);
  send({ kind: 'made', bytes })
} catch (thrown) {
  send({ kind: 'failed', error: reportError(thrown) })
}
