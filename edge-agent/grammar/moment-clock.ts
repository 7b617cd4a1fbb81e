/** What a spoken moment comes to, by a clock on the wall. */
import type { Day, Moment, TimeOfDay } from './spoken-moments.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/**
 * ISO 8601 in the clock's own zone, without it: `2026-03-05` for a day, `2026-03-05T15:30` with a time. A time without a day is the
 * next such time; a date without a year the next such date. Null for a day that no month has.
 */
export function momentAt({ day, time }: Moment, now: Date): string | null {
  if (time?.kind === 'offset') {
    if (day !== null) return null
    return written(new Date(wall(now) + time.minutes * MINUTE_MS), true)
  }
  const midnight = Math.floor(wall(now) / DAY_MS) * DAY_MS
  if (day !== null) {
    const begins = dayFrom(day, midnight)
    return begins === null ? null : written(new Date(begins + afterMidnight(time)), time !== null)
  }
  const today = midnight + afterMidnight(time)
  return written(new Date(today < wall(now) ? today + DAY_MS : today), true)
}

/** The clock's local time as if it were UTC, so that no change of summer time lies between two days. */
function wall(now: Date): number {
  return Date.UTC(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours(), now.getMinutes())
}

function afterMidnight(time: Extract<TimeOfDay, { kind: 'clock' }> | null): number {
  return time === null ? 0 : (time.hour * 60 + time.minute) * MINUTE_MS
}

function dayFrom(day: Day, midnight: number): number | null {
  switch (day.kind) {
    case 'offset':
      return midnight + day.days * DAY_MS
    case 'weekday': {
      const ahead = (day.weekday - new Date(midnight).getUTCDay() + 7) % 7
      if (day.which === 'last') return midnight + (ahead - 7) * DAY_MS
      // "next Monday" is never today.
      return midnight + (ahead === 0 && day.which === 'next' ? 7 : ahead) * DAY_MS
    }
    case 'date':
      return dateFrom(day, midnight)
  }
}

/** So many months or years ahead there is one: the 29th of February comes every eight years at the latest. */
const MAX_TRIES = 12

function dateFrom({ month, day }: Extract<Day, { kind: 'date' }>, midnight: number): number | null {
  const today = new Date(midnight)
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const [year, index] =
      month === null
        ? [today.getUTCFullYear(), today.getUTCMonth() + tries]
        : [today.getUTCFullYear() + tries, month - 1]
    const found = new Date(Date.UTC(year, index, day))
    if (found.getUTCDate() === day && found.getTime() >= midnight) return found.getTime()
  }
  return null
}

function written(moment: Date, hasTime: boolean): string {
  return moment.toISOString().slice(0, hasTime ? 16 : 10)
}
