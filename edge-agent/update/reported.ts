/** Where one bundle's installation stands, in the words of the report to the centre. */
import type { Install } from '../../rollout/install.ts'
import type { ReportedBundle } from '../../shared/wire/state.ts'
import type { InstallEntry } from './install-journal.ts'

/** Null where there is nothing to say. */
export function reported({ state, refused }: InstallEntry): ReportedBundle | null {
  if (state.kind === 'IDLE') {
    if (refused === null) return null
    return { ...named(refused.install), state: 'refused', ...because(refused.failure) }
  }
  const { install } = state
  if (state.kind === 'COMMITTED') return { ...named(install), state: 'committed', code: null, message: null }
  if (state.kind === 'PARKED') return { ...named(install), state: 'parked', ...because(state.failure) }
  if (state.kind === 'DEFERRED')
    return { ...named(install), state: 'deferred', code: state.reason.slice(0, 100), message: state.step }
  return { ...named(install), state: 'installing', code: null, message: state.kind }
}

function named({
  name,
  version,
  envelopeSha256,
  transfer,
}: Install): Pick<ReportedBundle, 'name' | 'version' | 'envelopeSha256' | 'transfer'> {
  return { name, version, envelopeSha256, ...(transfer === undefined ? {} : { transfer }) }
}

function because(failure: { readonly code: string; readonly message: string }): {
  readonly code: string
  readonly message: string
} {
  return { code: failure.code, message: failure.message.slice(0, 2_000) }
}
