/** What a model may be called, and what its licence may be written as. */
import { StarlingError } from '../../shared/errors.ts'
import { MODEL_NAME } from '../neural/model-card.ts'

export class ModelNameRefused extends StarlingError {
  override readonly code = 'model_name_refused'
}

export class LicenceRefused extends StarlingError {
  override readonly code = 'licence_refused'
}

/** Throws {@link ModelNameRefused}. */
export function checkedName(name: string): string {
  if (MODEL_NAME.test(name) && name !== 'default') return name
  throw new ModelNameRefused(`${JSON.stringify(name)} is no name for a model`, {
    remedy:
      'Choose one with --name: lower-case letters, digits, inner dots, hyphens and underscores, 64 at most, and not "default".',
  })
}

const SPDX = /^[A-Za-z0-9.+:-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+:-]+)*$/
const MAX_LICENCE = 200

export function isLicence(text: string): boolean {
  return SPDX.test(text) && text.length <= MAX_LICENCE
}

/** An SPDX expression, without parentheses. Throws {@link LicenceRefused}. */
export function checkedLicence(licence: string): string {
  if (isLicence(licence)) return licence
  throw new LicenceRefused(`${JSON.stringify(licence.slice(0, 60))} is no SPDX expression`, {
    remedy:
      'Give its SPDX identifier, as MIT, Apache-2.0 or CC-BY-4.0; a licence without one is LicenseRef-NAME.',
  })
}
