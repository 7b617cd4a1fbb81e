/** An honest kernel in memory: makes real admissions, performs at once, keeps what it admitted. For tests of performers. */
import { grant } from '../../../shared/kernel/admitted.ts'
import type { Answer, EffectRequest, Kernel, Performer, Provenance } from '../../../shared/kernel/contract.ts'
import { parseDeviceId, parseRecordId, parseSha256Hex, uuidV7 } from '../../../shared/ids.ts'
import { reportError } from '../../../shared/errors.ts'
import type { Json } from '../../../shared/json.ts'

export interface PermittingKernel extends Kernel {
  readonly admitted: readonly EffectRequest[]
}

export function permittingKernel(denied: readonly string[] = []): PermittingKernel {
  const admitted: EffectRequest[] = []
  return {
    admitted,
    admit: async <I extends Json, O extends Json>(
      performer: Performer<I, O>,
      request: EffectRequest<I>,
    ): Promise<Answer<O>> => {
      const recordId = parseRecordId(uuidV7(admitted.length, new Uint8Array(10)))
      const provenance: Provenance = {
        recordId,
        device: parseDeviceId('device-1'),
        policyVersion: 1,
        policyDigest: parseSha256Hex('0'.repeat(64)),
        rule: 'test',
        route: performer.route(request),
        confidence: null,
        durationUs: 0,
      }
      if (denied.includes(request.action))
        return { kind: 'denied', reason: 'denied in this test', provenance }
      if (performer.kind !== 'external') throw new Error('this kernel performs external effects')
      admitted.push(request)
      try {
        const output = await performer.perform(grant(request, recordId), new AbortController().signal)
        performer.check(output)
        return { kind: 'performed', output, provenance }
      } catch (thrown) {
        return { kind: 'failed', ...reportError(thrown), provenance }
      }
    },
  }
}
