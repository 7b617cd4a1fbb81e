/** Whether a device may begin now, in its own time: nobody updates the till at lunch, wherever on earth lunch is. */
import type { Freeze } from './plan.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
const DAY_MS = DAY_MINUTES * MINUTE_MS
/** 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday. */
const FIRST_DAY = 4

/** True while one of the windows holds at `wallMs` (since 1970, UTC) for a device that is `utcOffsetMinutes` east of it. */
export function isFrozen(freezes: readonly Freeze[], wallMs: number, utcOffsetMinutes: number): boolean {
  if (freezes.length === 0) return false
  const localMs = wallMs + utcOffsetMinutes * MINUTE_MS
  const dayNumber = Math.floor(localMs / DAY_MS)
  const minute = Math.floor((localMs - dayNumber * DAY_MS) / MINUTE_MS)
  const date = new Date(dayNumber * DAY_MS).toISOString().slice(0, 10)
  return freezes.some((freeze) => {
    if (freeze.kind === 'dates') return date >= freeze.from && date <= freeze.to
    const [from, to] = [minutesOf(freeze.from), minutesOf(freeze.to)]
    const today = freeze.days.includes(weekday(dayNumber))
    if (to > from) return today && minute >= from && minute < to
    return (today && minute >= from) || (freeze.days.includes(weekday(dayNumber - 1)) && minute < to)
  })
}

function weekday(dayNumber: number): number {
  return ((((dayNumber + FIRST_DAY - 1) % 7) + 7) % 7) + 1
}

function minutesOf(timeOfDay: string): number {
  return Number(timeOfDay.slice(0, 2)) * 60 + Number(timeOfDay.slice(3))
}
