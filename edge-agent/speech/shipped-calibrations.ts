/** The calibrations that ship, as `npm run train -- confidence` fitted them on voices that it made. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import type { Calibration } from './calibration.ts'

const Numbers = v.array(v.number())
const Fitted = v.object({
  mean: Numbers,
  scale: Numbers,
  hidden: v.exactOptional(v.array(v.object({ weights: Numbers, bias: v.number() }))),
  weights: Numbers,
  bias: v.number(),
})

const CalibrationsSchema = v.object({ word: Fitted, openWord: Fitted, utterance: Fitted })

/** Of a grammar's own words, of words of the language model, and of whole sentences. */
export type Calibrations = Readonly<Record<keyof v.InferOutput<typeof CalibrationsSchema>, Calibration>>

export const CALIBRATIONS: Calibrations = v.parse(
  CalibrationsSchema,
  JSON.parse(readFileSync(MODEL_FOLDERS.calibrations, 'utf8')),
)

/** Of words that the second pass found. */
export const DICTATED_WORD: Calibration = v.parse(
  v.object({ dictatedWord: Fitted }),
  JSON.parse(readFileSync(MODEL_FOLDERS.dictatedCalibration, 'utf8')),
).dictatedWord
