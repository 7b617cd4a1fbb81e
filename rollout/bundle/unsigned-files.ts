/** What lies in a bundle's folder beside the files that travel: what is to be signed, and the signatures. */
import { BOM_FILE, EVALUATION_FILE, PROVENANCE_FILE } from '../../shared/wire/bundle.ts'

export const MANIFEST_FILE = 'manifest.json'
export const MANIFEST_ENVELOPE_FILE = 'manifest.dsse.json'
export const PROVENANCE_ENVELOPE_FILE = 'provenance.dsse.json'
export const EVALUATION_ENVELOPE_FILE = 'evaluation.dsse.json'
export const MODEL_SIGNATURE_FILE = 'model.sig'
export const TO_SIGN_FILE = 'to-sign.json'

export const UNSIGNED_FILES: readonly string[] = [
  MANIFEST_FILE,
  MANIFEST_ENVELOPE_FILE,
  PROVENANCE_ENVELOPE_FILE,
  EVALUATION_ENVELOPE_FILE,
  MODEL_SIGNATURE_FILE,
  TO_SIGN_FILE,
]

/** Of a source: what is known of the model and stands in none of its bytes. */
export const RELEASE_FILE = 'release.json'

/** Files that speak of a model and are no part of it: with or without them, it is the same model. */
export const FILES_ABOUT: readonly string[] = [
  ...UNSIGNED_FILES,
  RELEASE_FILE,
  BOM_FILE,
  PROVENANCE_FILE,
  EVALUATION_FILE,
]
