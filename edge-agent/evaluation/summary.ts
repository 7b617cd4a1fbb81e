/** The figures of an evaluation, over all of it or one set. Rates carry how much they were counted of, and their interval. */
import { calibration, type Calibration, quantiles, type Quantiles, rate, type Rate } from './statistics.ts'
import { isExact, type Outcome } from './outcome.ts'

export interface Summary {
  readonly recordings: number
  readonly audioS: number
  /** Over the recordings whose words the manifest says; `rate` is errors over words said. */
  readonly words: {
    readonly rate: Rate
    readonly insertions: number
    readonly deletions: number
    readonly substitutions: number
  }
  /** Recordings heard word for word. */
  readonly sentences: Rate
  /** Of the commands: accepted with intent and every slot right; accepted wrongly; not accepted. */
  readonly commands: { readonly accepted: Rate; readonly wrong: Rate; readonly missed: Rate }
  /** Of the recordings that are no command of the domain: not accepted. */
  readonly rejected: Rate
  /** Of utterances that held words, and of words. */
  readonly calibration: { readonly utterances: Calibration; readonly words: Calibration }
  /** First partial: after the end of the first word. Final: after the end of the audio. */
  readonly latencyMs: { readonly firstPartial: Quantiles; readonly final: Quantiles }
}

export function summarise(outcomes: readonly Outcome[], hasDomain: boolean): Summary {
  const said = outcomes.flatMap(({ words }) => (words === null ? [] : [words]))
  const sum = (pick: (words: (typeof said)[number]) => number): number =>
    said.reduce((total, words) => total + pick(words), 0)
  const [insertions, deletions, substitutions] = [
    sum((words) => words.insertions),
    sum((words) => words.deletions),
    sum((words) => words.substitutions),
  ]
  const commands = outcomes.filter(({ expected }) => expected !== null)
  const others = hasDomain ? outcomes.filter(({ expected }) => expected === null) : []
  const share = (list: readonly Outcome[], pick: (outcome: Outcome) => boolean): Rate =>
    rate(list.filter(pick).length, list.length)
  return {
    recordings: outcomes.length,
    audioS: outcomes.reduce((total, { played }) => total + played.audioMs, 0) / 1_000,
    words: {
      rate: errorRate(
        insertions + deletions + substitutions,
        sum(({ words }) => words),
      ),
      insertions,
      deletions,
      substitutions,
    },
    sentences: rate(said.filter(isExact).length, said.length),
    commands: {
      accepted: share(commands, ({ accepted, right }) => accepted && right),
      wrong: share(commands, ({ accepted, right }) => accepted && !right),
      missed: share(commands, ({ accepted }) => !accepted),
    },
    rejected: share(others, ({ accepted }) => !accepted),
    calibration: { utterances: utteranceCalibration(outcomes, hasDomain), words: wordCalibration(outcomes) },
    latencyMs: {
      firstPartial: quantiles(outcomes.flatMap(firstPartialDelay)),
      final: quantiles(outcomes.map(({ played }) => played.finalMs)),
    },
  }
}

/** Errors may outnumber the words: then no interval for a share is right, and the value stands alone. */
function errorRate(errors: number, words: number): Rate {
  if (errors <= words) return rate(errors, words)
  return { value: words === 0 ? null : errors / words, count: errors, of: words, low: null, high: null }
}

function utteranceCalibration(outcomes: readonly Outcome[], hasDomain: boolean): Calibration {
  const judged = outcomes.filter(
    ({ played, words }) => played.hypothesis.kind !== 'nothing' && (hasDomain || words !== null),
  )
  return calibration(
    judged.map(({ played, right, words }) => ({
      confidence: played.hypothesis.confidence,
      // Of dictation, confidence is how much of what was heard is right: hardly any of it is right to the last word.
      right: hasDomain || words === null ? right : shareOf(words.heardRight),
    })),
  )
}

function shareOf(held: readonly boolean[]): number {
  return held.filter(Boolean).length / Math.max(1, held.length)
}

function wordCalibration(outcomes: readonly Outcome[]): Calibration {
  return calibration(
    outcomes.flatMap(({ played, words }) => {
      const heard = played.hypothesis.words
      // Written numbers join and split words: then a word's confidence has no word to be set against.
      if (words === null || words.heardRight.length !== heard.length) return []
      return heard.map(({ confidence }, i) => ({ confidence, right: words.heardRight[i] === true }))
    }),
  )
}

function firstPartialDelay({ played }: Outcome): number[] {
  const [first] = played.hypothesis.words
  if (played.firstPartialMs === null || first === undefined) return []
  return [played.firstPartialMs - first.endMs]
}
