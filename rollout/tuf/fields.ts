/**
 * Reading untrusted JSON field by field. Own properties only: a role called `constructor` must find nothing. Fields that
 * nobody asks for stay in the signed bytes and are otherwise left alone (TUF 1.0.34, section 4).
 */
import type { Json, JsonObject } from '../../shared/json.ts'
import { TufRefused } from './refused.ts'

export class Fields {
  readonly #values: JsonObject
  readonly #role: string
  readonly #where: string

  constructor(value: Json | undefined, role: string, where: string) {
    if (!isObject(value)) throw new TufRefused('malformed', role, `${where} is no object`)
    this.#values = value
    this.#role = role
    this.#where = where
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name)
  }

  /** The raw value, or undefined. */
  raw(name: string): Json | undefined {
    return this.has(name) ? this.#values[name] : undefined
  }

  text(name: string): string {
    const value = this.raw(name)
    if (typeof value !== 'string') throw this.bad(name, 'no text')
    return value
  }

  flag(name: string): boolean {
    const value = this.raw(name)
    if (typeof value !== 'boolean') throw this.bad(name, 'neither true nor false')
    return value
  }

  integer(name: string, least: number): number {
    const value = this.raw(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw this.bad(name, `no whole number of at least ${least}`)
    return value
  }

  texts(name: string): readonly string[] {
    const value = this.raw(name)
    if (!Array.isArray(value) || !value.every((item: Json): item is string => typeof item === 'string'))
      throw this.bad(name, 'no list of texts')
    return value
  }

  list(name: string): readonly Json[] {
    const value = this.raw(name)
    if (!Array.isArray(value)) throw this.bad(name, 'no list')
    return value as readonly Json[]
  }

  fields(name: string): Fields {
    return new Fields(this.raw(name), this.#role, `${this.#where}.${name}`)
  }

  /** Every own member, in the order in which it was written except that names like `7` come first. */
  members(): readonly (readonly [string, Json])[] {
    return Object.entries(this.#values)
  }

  bad(name: string, what: string): TufRefused {
    return new TufRefused('malformed', this.#role, `${this.#where}.${name} is ${what}`)
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
