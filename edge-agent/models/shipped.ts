/** Where the models lie that this version of Starling ships: in the source tree, which the package carries as it is. */
import { packageRoot } from '../../shared/package-root.ts'

export const MODEL_FOLDERS = {
  speech: new URL('edge-agent/models/speech/', packageRoot()),
  /** What takes noise out of what the speech model hears, whichever that is. */
  denoiser: new URL('edge-agent/models/denoiser/', packageRoot()),
  intent: new URL('edge-agent/models/intent/', packageRoot()),
  embedding: new URL('edge-agent/models/embedding/', packageRoot()),
  /** How English is spoken and written at large, for dictation. */
  dictation: new URL('edge-agent/models/dictation/dictation.bin.br', packageRoot()),
  /** What the recogniser's evidence is worth. */
  calibrations: new URL('edge-agent/models/confidence/calibrations.json', packageRoot()),
  /** The same, of words of dictation. */
  dictatedCalibration: new URL('edge-agent/models/confidence/dictation.json', packageRoot()),
  /** Recordings that an adapted model must understand as well as its base. */
  guard: new URL('edge-agent/models/guard/manifest.jsonl', packageRoot()),
  domains: new URL('edge-agent/domains/', packageRoot()),
} as const
