/** What comes as signed bundles: models and domains into the running models, schema steps into the database. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../shared/clock.ts'
import type { LinkClass } from '../../rollout/delta/transfer.ts'
import { reportError } from '../../shared/errors.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import type { Identity } from '../identity/identity.ts'
import { realDisk } from '../models-store/disk.ts'
import { openSchemaBundle, type SchemaBundle } from '../schema/schema-bundle.ts'
import type { SitePieces } from '../site/site-pieces.ts'
import { openAgreement, type Agreement } from '../update/agreement.ts'
import { repositoriesIn } from '../update/roots.ts'
import { openShadowTrial, type ShadowSeen } from '../trial/shadow-trial.ts'
import { smokeInChild } from '../trial/smoke.ts'
import { openInstaller, type Installer } from '../update/installer.ts'
import type { Ledger } from './ledger.ts'
import { OWN_FORMS } from './migrations.ts'
import type { Models } from './models.ts'
import { RUNTIME_VERSION } from './version.ts'

export interface Updates {
  readonly installer: Installer
  /** What shadows have counted, for the device's report. */
  shadowed(): readonly ShadowSeen[]
  readonly agreement: Agreement
  /** Brings the database to the list that runs: a fresh one takes all of its steps. A list that is refused stops nothing else. */
  settleSchema(): Promise<void>
}

/** A bundle that ends its process does so at its first turns: it is committed only after the process lived on with it so long. */
const PROBATION_MS = 10_000

/** Resolves when the process has lived through the probation with what it took up; rejects when `signal` aborts. */
async function probation(signal: AbortSignal): Promise<void> {
  await setTimeout(PROBATION_MS, undefined, { signal })
}

const POISONED = 'the site’s cache sent something else; the centre is asked instead'

export async function openUpdates(parts: {
  readonly folder: string
  readonly identity: Identity
  readonly ledger: Ledger
  readonly models: Models
  readonly ask: Ask
  readonly itself: Principal
  readonly link: LinkClass
  readonly site: SitePieces
  readonly log: Log
}): Promise<Updates> {
  const { identity, ledger, models, ask, itself, log } = parts
  const trust = {
    releaseKeys: identity.releaseKeys,
    threshold: 1,
    environment: identity.environment,
    runtimeVersion: RUNTIME_VERSION,
  }
  const governed = { kernel: ledger.kernel, principal: itself, clock: systemClock, trust }
  const schema = (): SchemaBundle =>
    openSchemaBundle({ ...governed, db: ledger.db, log, slots: installer.slots, ownUses: OWN_FORMS })
  const shadow = openShadowTrial({
    begin: async (dir, facts) => await models.shadow(dir, facts),
    end: async () => await models.unshadow(),
    clock: systemClock,
  })
  const installer = await openInstaller({
    ...governed,
    folder: join(parts.folder, 'models'),
    disk: realDisk,
    ask,
    alarm: (afterMs) => AbortSignal.timeout(afterMs),
    site: parts.site,
    onPoisoned: (cause) => log.warn(POISONED, { message: cause.message }),
    onDamaged: ({ code, message, remedy }) => log.error(message, { code, remedy }),
    link: () => ({ linkClass: parts.link }),
    trials: {
      smoke: async (dir, facts, signal) => {
        if (facts.kind === 'schema') return await schema().smoke(dir)
        const report = await smokeInChild({ dir, facts }, { signal })
        log.info(`the bundle ${facts.name} passed its smoke test`, { ...report })
      },
      shadow: async (dir, of, signal) => await shadow.run(dir, of, signal),
      confirm: async (dir, facts) =>
        facts.kind === 'schema' ? await schema().confirm(dir) : await models.use(dir, facts),
      healthy: async (_dir, _facts, signal) => await probation(signal),
    },
  })
  return {
    installer,
    shadowed: () => shadow.seen(),
    agreement: openAgreement({
      folder: repositoriesIn(parts.folder),
      disk: realDisk,
      ask,
      clock: systemClock,
      device: identity.device,
      environment: identity.environment,
      roots: identity.roots,
    }),
    settleSchema: async () => {
      await schema()
        .settle()
        .catch((thrown: unknown) => {
          const { code, message, remedy } = reportError(thrown)
          log.error(message, { code, remedy })
        })
    },
  }
}
