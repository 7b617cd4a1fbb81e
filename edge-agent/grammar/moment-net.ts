/** The days and times of spoken-moments.ts as a net: what is heard for a slot of the type datetime. */
import type { NetBuilder } from './net.ts'
import { MONTHS, NAMED_DAYS, NAMED_TIMES, ORDINALS, PARTS_OF_DAY, WEEKDAYS } from './spoken-moments.ts'
import { sayCardinal } from './spoken-numbers.ts'

/** Of a time without the "at" that most people say. */
const BARE_TIME = -2
/** Minutes that people count to and from the hour. */
const MINUTES_PAST = [5, 10, 20, 25] as const

/** Adds every moment from `begun`; `close` ends the slot. */
export function addMoment(net: NetBuilder, begun: number, close: (state: number) => void): void {
  const [day, time] = [net.state(), net.state()]
  addDay(net, begun, day)
  addTime(net, begun, time)
  close(day)
  close(time)
  const [dayAfter, timeAfter] = [net.state(), net.state()]
  addTime(net, day, timeAfter)
  addDay(net, time, dayAfter)
  close(dayAfter)
  close(timeAfter)
}

function addDay(net: NetBuilder, from: number, end: number): void {
  const begun = net.state()
  net.arc(from, begun, { kind: 'empty' })
  for (const word of ['on', 'by', 'for']) net.arc(from, begun, { kind: 'word', word })
  for (const [said] of NAMED_DAYS) net.words(begun, said, end)
  const weekday = net.state()
  net.arc(begun, weekday, { kind: 'empty' })
  for (const word of ['next', 'this']) net.arc(begun, weekday, { kind: 'word', word })
  for (const word of WEEKDAYS) net.arc(weekday, end, { kind: 'word', word })
  const the = net.words(begun, ['the'])
  const dayOfMonth = net.state()
  addDayOfMonth(net, the, dayOfMonth)
  net.arc(dayOfMonth, end, { kind: 'empty' })
  const bareDay = net.state()
  addDayOfMonth(net, begun, bareDay)
  const [ofMonth, month] = [net.state(), net.state()]
  for (const state of [dayOfMonth, bareDay]) {
    net.arc(state, ofMonth, { kind: 'empty' })
    net.arc(state, ofMonth, { kind: 'word', word: 'of' })
  }
  for (const word of MONTHS) {
    net.arc(ofMonth, end, { kind: 'word', word })
    net.arc(begun, month, { kind: 'word', word })
  }
  const named = net.state()
  net.arc(month, named, { kind: 'empty' })
  net.arc(month, named, { kind: 'word', word: 'the' })
  addDayOfMonth(net, named, end)
  addAhead(net, from, end, [
    ['day', 'days', 6],
    ['week', 'weeks', 6],
  ])
}

function addDayOfMonth(net: NetBuilder, from: number, end: number): void {
  for (const said of ORDINALS) net.words(from, said, end)
  const typed = net.state()
  net.arc(from, typed, { kind: 'typed', text: null })
  net.arc(typed, end, { kind: 'empty' })
  for (const text of ['st', 'nd', 'rd', 'th']) net.arc(typed, end, { kind: 'typed', text })
}

function addTime(net: NetBuilder, from: number, end: number): void {
  const at = net.state()
  for (const word of ['at', 'by', 'around']) net.arc(from, at, { kind: 'word', word })
  for (const [word] of NAMED_TIMES) net.arc(at, end, { kind: 'word', word })
  const whole = net.state()
  addClock(net, at, whole)
  // "at nine" alone is a time, "nine" alone is a number.
  const hour = net.state()
  addHour(net, at, hour)
  net.arc(hour, whole, { kind: 'empty' })
  const bare = net.state()
  net.arc(from, bare, { kind: 'empty' }, BARE_TIME)
  addClock(net, bare, whole)
  const [bareHour, told] = [net.state(), net.state()]
  addHour(net, bare, bareHour)
  for (const [said] of PARTS_OF_DAY) {
    net.words(whole, said, told)
    net.words(bareHour, said, told)
  }
  net.arc(whole, end, { kind: 'empty' })
  net.arc(told, end, { kind: 'empty' })
  net.words(from, ['in', 'half', 'an', 'hour'], end)
  addAhead(net, from, end, [
    ['minute', 'minutes', 60],
    ['hour', 'hours', 12],
  ])
}

/** More than the hour: "three thirty", "nine o'clock", "half past nine". */
function addClock(net: NetBuilder, from: number, end: number): void {
  const hour = net.state()
  addHour(net, from, hour)
  net.arc(hour, end, { kind: 'word', word: "o'clock" })
  for (let minute = 1; minute < 60; minute += 1)
    net.words(hour, minute < 10 ? ['oh', ...sayCardinal(minute)] : sayCardinal(minute), end)
  net.arc(hour, end, { kind: 'typed', text: null })
  const side = net.state()
  for (const word of ['past', 'to']) {
    net.words(from, ['quarter', word], side)
    net.words(from, ['a', 'quarter', word], side)
    for (const minutes of MINUTES_PAST) {
      net.words(from, [...sayCardinal(minutes), word], side)
      net.words(from, [...sayCardinal(minutes), 'minutes', word], side)
    }
  }
  net.words(from, ['half', 'past'], side)
  addHour(net, side, end)
}

function addHour(net: NetBuilder, from: number, end: number): void {
  for (let hour = 1; hour <= 23; hour += 1) net.words(from, sayCardinal(hour), end)
  net.arc(from, end, { kind: 'typed', text: null })
}

type Unit = readonly [one: string, several: string, most: number]

/** "in a day", "in three weeks". */
function addAhead(net: NetBuilder, from: number, end: number, units: readonly Unit[]): void {
  for (const [one, several, most] of units) {
    const begun = net.words(from, ['in'])
    const counted = net.state()
    for (const word of ['a', 'an', 'one']) net.words(begun, [word, one], end)
    for (let count = 2; count <= most; count += 1) net.words(begun, sayCardinal(count), counted)
    net.arc(begun, counted, { kind: 'typed', text: null })
    net.arc(counted, end, { kind: 'word', word: several })
  }
}
