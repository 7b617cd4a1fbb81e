/** Where the models lie that this version of Starling ships: in the source tree, which the package carries as it is. */
import { packageRoot } from '../../shared/package-root.ts'

export const MODEL_FOLDERS = {
  speech: new URL('edge-agent/models/speech/', packageRoot()),
  intent: new URL('edge-agent/models/intent/', packageRoot()),
  domains: new URL('edge-agent/domains/', packageRoot()),
} as const
