/** Units, currencies, months and ordinals: how they are said and written. */

export interface Unit {
  readonly symbol: string
  readonly says: readonly (readonly string[])[]
  /** Written without a space. */
  readonly tight: boolean
}

function unit(symbol: string, says: string, tight = false): Unit {
  return { symbol, says: says.split('|').map((phrase) => phrase.split(' ')), tight }
}

/** Longer phrases first; the first of each is how it is said back. */
export const UNITS: readonly Unit[] = [
  unit('°C', 'degrees celsius|degrees centigrade|degree celsius'),
  unit('°F', 'degrees fahrenheit'),
  unit('l/s', 'litres per second|liters per second'),
  unit('l/min', 'litres per minute|liters per minute'),
  unit('m³/h', 'cubic metres per hour|cubic meters per hour'),
  unit('rpm', 'revolutions per minute|r p m'),
  unit('mm/s', 'millimetres per second|millimeters per second'),
  unit('psi', 'p s i|psi|pounds per square inch'),
  unit('°', 'degrees', true),
  unit('%', 'percent|per cent', true),
  unit('bar', 'bar'),
  unit('kPa', 'kilopascals|kilopascal'),
  unit('mm', 'millimetres|millimeters|millimetre|millimeter'),
  unit('cm', 'centimetres|centimeters|centimetre|centimeter'),
  unit('m', 'metres|meters'),
  unit('km', 'kilometres|kilometers'),
  unit('kg', 'kilograms|kilos|kilogram|kilo'),
  unit('V', 'volts|volt'),
  unit('mV', 'millivolts'),
  unit('A', 'amps|amp|amperes|ampere'),
  unit('mA', 'milliamps'),
  unit('kW', 'kilowatts|kilowatt'),
  unit('kWh', 'kilowatt hours'),
  unit('Hz', 'hertz'),
  unit('Nm', 'newton metres|newton meters'),
  unit('l', 'litres|liters|litre|liter'),
  unit('dB', 'decibels|decibel'),
].sort((a, b) => (b.says[0]?.length ?? 0) - (a.says[0]?.length ?? 0))

export const CURRENCIES: readonly {
  readonly sign: string
  readonly says: readonly string[]
  readonly minor: readonly string[]
}[] = [
  { sign: '$', says: ['dollars', 'dollar'], minor: ['cents', 'cent'] },
  { sign: '€', says: ['euros', 'euro'], minor: ['cents', 'cent'] },
  { sign: '£', says: ['pounds', 'pound'], minor: ['pence', 'penny'] },
]

export const MONTHS: readonly string[] =
  'january february march april may june july august september october november december'.split(' ')

/** By value, from 0; beyond twenty they are two words, but for thirty. */
export const ORDINALS: readonly string[] =
  'zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth'
    .split(' ')
    .concat(
      Array.from({ length: 9 }, () => ''),
      'thirtieth',
    )
