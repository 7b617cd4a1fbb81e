/** What lies in a bundle's folder beside the files that travel: what is to be signed, and the signatures. */
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
