/** What a registry says of the acoustic model that ships. */
export const RELEASED_ACOUSTIC = {
  class: 'acoustic',
  licence: 'BSD-2-Clause',
  residency: 'device',
  source: 'released',
} as const
