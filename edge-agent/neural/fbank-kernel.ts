/**
 * Four frames at a time from windowed samples to mel energies, in WebAssembly: each of the four lanes of a vector is a frame
 * of its own, so that the arithmetic is the plain one (speech/fourier.ts, in single precision) and no lane sees another.
 * A quarter of the time that JavaScript takes (measured).
 */
import {
  add,
  four,
  get,
  i32,
  less,
  loadI32,
  loopWhile,
  set,
  writeModule,
  type Code,
  type WasmFunction,
} from './wasm-writer.ts'

/** The part of the engine's interface that is used here: no library that is compiled with declares it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

export const LANES = 4
/** Four floats. */
const CELL_BYTES = 16
const FLOAT_BYTES = 4

/** Each bin's weights from its first frequency to before its end, one bin after another. */
export interface Triangles {
  readonly firsts: Uint16Array
  readonly ends: Uint16Array
  readonly weights: Float32Array
}

/** Where things lie in the kernel's memory, in bytes. */
interface Layout {
  readonly half: number
  readonly bins: number
  readonly real: number
  readonly imaginary: number
  readonly power: number
  readonly energies: number
  readonly cosine: number
  readonly sine: number
  readonly halfCosine: number
  readonly halfSine: number
  readonly weights: number
  /** The end of each bin's weights, as an address; the address of its first frequency's power. */
  readonly weightEnds: number
  readonly powerStarts: number
  readonly size: number
}

export class FbankKernel {
  /** Frame `lane`'s sample i goes to `frames[places[i] + lane]`; what no frame fills must be zero. A run leaves other values there. */
  readonly frames: Float32Array
  readonly places: Uint32Array
  /** Bin b of frame `lane` is `energies[LANES * b + lane]`. */
  readonly energies: Float32Array
  readonly #run: () => void

  constructor(size: number, triangles: Triangles) {
    const layout = layoutOf(size, triangles)
    const bytes = writeModule(functionsOf(layout), layout.size)
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
    const { buffer } = exports['memory'] as { readonly buffer: ArrayBuffer }
    fill(buffer, layout, triangles)
    this.frames = new Float32Array(buffer, 0, LANES * size)
    this.energies = new Float32Array(buffer, layout.energies, LANES * layout.bins)
    this.places = placesOf(layout)
    this.#run = exports['run'] as () => void
  }

  run(): void {
    this.#run()
  }
}

function layoutOf(size: number, { firsts, weights }: Triangles): Layout {
  const half = size / 2
  const bins = firsts.length
  let end = 0
  const take = (bytes: number): number => {
    const start = end
    end += Math.ceil(bytes / CELL_BYTES) * CELL_BYTES
    return start
  }
  return {
    half,
    bins,
    real: take(half * CELL_BYTES),
    imaginary: take(half * CELL_BYTES),
    power: take((half + 1) * CELL_BYTES),
    energies: take(bins * CELL_BYTES),
    cosine: take(half * FLOAT_BYTES),
    sine: take(half * FLOAT_BYTES),
    halfCosine: take(half * FLOAT_BYTES),
    halfSine: take(half * FLOAT_BYTES),
    weights: take(weights.length * FLOAT_BYTES),
    weightEnds: take(bins * FLOAT_BYTES),
    powerStarts: take(bins * FLOAT_BYTES),
    size: end,
  }
}

function fill(buffer: ArrayBuffer, layout: Layout, { firsts, ends, weights }: Triangles): void {
  const { half } = layout
  const waves: readonly [number, (angle: number) => number, number][] = [
    [layout.cosine, Math.cos, half],
    [layout.sine, Math.sin, half],
    [layout.halfCosine, Math.cos, 2 * half],
    [layout.halfSine, Math.sin, 2 * half],
  ]
  for (const [at, wave, of] of waves)
    new Float32Array(buffer, at, half).set(
      Float32Array.from({ length: half }, (_, k) => wave((-2 * Math.PI * k) / of)),
    )
  new Float32Array(buffer, layout.weights, weights.length).set(weights)
  let used = 0
  const weightEnds = new Uint32Array(buffer, layout.weightEnds, firsts.length)
  const powerStarts = new Uint32Array(buffer, layout.powerStarts, firsts.length)
  for (let bin = 0; bin < firsts.length; bin++) {
    const first = firsts[bin] as number
    used += (ends[bin] as number) - first
    weightEnds[bin] = used * FLOAT_BYTES
    powerStarts[bin] = first * CELL_BYTES
  }
}

/** Even samples are real parts and odd ones imaginary, in bit-reversed order. */
function placesOf({ half, real, imaginary }: Layout): Uint32Array {
  const bits = Math.log2(half)
  return Uint32Array.from({ length: 2 * half }, (_, sample) => {
    let reversed = 0
    for (let bit = 0; bit < bits; bit++) reversed |= ((sample >> (bit + 1)) & 1) << (bits - 1 - bit)
    return ((sample % 2 === 0 ? real : imaginary) + reversed * CELL_BYTES) / FLOAT_BYTES
  })
}

function functionsOf(layout: Layout): readonly WasmFunction[] {
  const stages: Code[] = []
  let span = 1
  if (Math.log2(layout.half) % 2 === 1) {
    stages.push(pairs(layout))
    span = 2
  }
  for (; span < layout.half; span *= 4) stages.push(fours(layout, span))
  return [
    {
      name: 'run',
      parameters: 0,
      integers: LOCAL.first,
      fours: 16,
      body: [...stages.flat(), ...takenApart(layout), ...melled(layout)],
    },
  ]
}

/** Locals 0 to 4 are integers, 5 and on four floats each. */
const LOCAL = { a: 0, b: 1, c: 2, d: 3, e: 4, first: 5 } as const

function pairs({ half, real, imaginary }: Layout): Code {
  const at = get(LOCAL.a)
  const [x, y] = [LOCAL.first, LOCAL.first + 1]
  const one = (part: number): Code => [
    ...set(x, four.load(at, part)),
    ...set(y, four.load(at, part + CELL_BYTES)),
    ...four.store(at, part, four.add(get(x), get(y))),
    ...four.store(at, part + CELL_BYTES, four.sub(get(x), get(y))),
  ]
  return [
    ...set(LOCAL.a, i32(0)),
    ...loopWhile(
      [...one(real), ...one(imaginary), ...set(LOCAL.a, add(at, i32(2 * CELL_BYTES)))],
      less(at, i32(half * CELL_BYTES)),
    ),
  ]
}

/** Locals of four floats by name. */
function registers<const Name extends string>(names: readonly Name[]) {
  const local = (name: Name): number => LOCAL.first + names.indexOf(name)
  return {
    v: (name: Name): Code => get(local(name)),
    put: (name: Name, value: Code): Code => set(local(name), value),
  }
}

/** Two radix-2 stages at once, as `#fours` of speech/fourier.ts: names are the same. */
function fours(layout: Layout, span: number): Code {
  const { half, cosine, sine } = layout
  const second = (half / (4 * span)) * FLOAT_BYTES
  const { a: k, b: twiddle, c: i } = LOCAL
  const { put } = BUTTERFLY
  const twice = add(get(twiddle), get(twiddle))
  return [
    ...set(k, i32(0)),
    ...set(twiddle, i32(0)),
    ...loopWhile(
      [
        ...put('c1', four.spread(twice, cosine)),
        ...put('s1', four.spread(twice, sine)),
        ...put('c2', four.spread(get(twiddle), cosine)),
        ...put('s2', four.spread(get(twiddle), sine)),
        ...set(i, get(k)),
        ...loopWhile(
          [...butterfly(layout, span * CELL_BYTES), ...set(i, add(get(i), i32(4 * span * CELL_BYTES)))],
          less(get(i), i32(half * CELL_BYTES)),
        ),
        ...set(twiddle, add(get(twiddle), i32(second))),
        ...set(k, add(get(k), i32(CELL_BYTES))),
      ],
      less(get(k), i32(span * CELL_BYTES)),
    ),
  ]
}

const BUTTERFLY = registers([
  'c1',
  's1',
  'c2',
  's2',
  'r0',
  'm0',
  't1r',
  't1i',
  't3r',
  't3i',
  'r2',
  'm2',
  'x',
  'y',
  'ur',
  'ui',
])

function butterfly({ real, imaginary }: Layout, spanBytes: number): Code {
  const { v, put } = BUTTERFLY
  const { add: plus, sub: minus, mul: times } = four
  const at = get(LOCAL.c)
  const re = (n: number): Code => four.load(at, real + n * spanBytes)
  const im = (n: number): Code => four.load(at, imaginary + n * spanBytes)
  const write = (n: number, realPart: Code, imaginaryPart: Code): Code => [
    ...four.store(at, real + n * spanBytes, realPart),
    ...four.store(at, imaginary + n * spanBytes, imaginaryPart),
  ]
  /** The complex number (re, im), turned by a twiddle, into the registers NAMEr and NAMEi. */
  const turn = (
    name: 't1' | 't3' | 'u',
    [realPart, imaginaryPart]: readonly [Code, Code],
    by: '1' | '2',
  ): Code => [
    ...put('x', realPart),
    ...put('y', imaginaryPart),
    ...put(`${name}r`, minus(times(v('x'), v(`c${by}`)), times(v('y'), v(`s${by}`)))),
    ...put(`${name}i`, plus(times(v('x'), v(`s${by}`)), times(v('y'), v(`c${by}`)))),
  ]
  return [
    ...turn('t1', [re(1), im(1)], '1'),
    ...turn('t3', [re(3), im(3)], '1'),
    ...put('r0', re(0)),
    ...put('m0', im(0)),
    ...put('r2', re(2)),
    ...put('m2', im(2)),
    ...turn('u', [plus(v('r2'), v('t3r')), plus(v('m2'), v('t3i'))], '2'),
    // From here on t3 is what the other file calls v.
    ...turn('t3', [minus(v('r2'), v('t3r')), minus(v('m2'), v('t3i'))], '2'),
    ...write(0, plus(plus(v('r0'), v('t1r')), v('ur')), plus(plus(v('m0'), v('t1i')), v('ui'))),
    ...write(2, minus(plus(v('r0'), v('t1r')), v('ur')), minus(plus(v('m0'), v('t1i')), v('ui'))),
    ...write(1, plus(minus(v('r0'), v('t1r')), v('t3i')), minus(minus(v('m0'), v('t1i')), v('t3r'))),
    ...write(3, minus(minus(v('r0'), v('t1r')), v('t3i')), plus(minus(v('m0'), v('t1i')), v('t3r'))),
  ]
}

/** As `#takeApart` of speech/fourier.ts: names are the same. */
function takenApart({ half, real, imaginary, power, halfCosine, halfSine }: Layout): Code {
  const { a: k, b: j, c: twiddle } = LOCAL
  const { v, put } = registers([
    'ar',
    'ai',
    'br',
    'bi',
    'er',
    'ei',
    'or',
    'oi',
    'c',
    's',
    'tr',
    'ti',
    'x',
    'y',
  ])
  const squared = (name: 'x' | 'y'): Code => four.mul(v(name), v(name))
  const halved = (value: Code): Code => four.mul(value, four.constant(0.5))
  const zero = i32(0)
  const edge = (value: Code, to: number): Code => [
    ...put('x', value),
    ...four.store(zero, power + to * CELL_BYTES, squared('x')),
  ]
  return [
    ...edge(four.add(four.load(zero, real), four.load(zero, imaginary)), 0),
    ...edge(four.sub(four.load(zero, real), four.load(zero, imaginary)), half),
    ...set(k, i32(CELL_BYTES)),
    ...set(j, i32((half - 1) * CELL_BYTES)),
    ...set(twiddle, i32(FLOAT_BYTES)),
    ...loopWhile(
      [
        ...put('ar', four.load(get(k), real)),
        ...put('ai', four.load(get(k), imaginary)),
        ...put('br', four.load(get(j), real)),
        ...put('bi', four.load(get(j), imaginary)),
        ...put('er', halved(four.add(v('ar'), v('br')))),
        ...put('ei', halved(four.sub(v('ai'), v('bi')))),
        ...put('or', halved(four.add(v('ai'), v('bi')))),
        ...put('oi', halved(four.sub(v('br'), v('ar')))),
        ...put('c', four.spread(get(twiddle), halfCosine)),
        ...put('s', four.spread(get(twiddle), halfSine)),
        ...put('tr', four.sub(four.mul(v('or'), v('c')), four.mul(v('oi'), v('s')))),
        ...put('ti', four.add(four.mul(v('or'), v('s')), four.mul(v('oi'), v('c')))),
        ...put('x', four.add(v('er'), v('tr'))),
        ...put('y', four.add(v('ei'), v('ti'))),
        ...four.store(get(k), power, four.add(squared('x'), squared('y'))),
        ...put('x', four.sub(v('er'), v('tr'))),
        ...put('y', four.sub(v('ei'), v('ti'))),
        ...four.store(get(j), power, four.add(squared('x'), squared('y'))),
        ...set(twiddle, add(get(twiddle), i32(FLOAT_BYTES))),
        ...set(k, add(get(k), i32(CELL_BYTES))),
        ...set(j, add(get(j), i32(-CELL_BYTES))),
      ],
      less(get(k), add(get(j), i32(1))),
    ),
  ]
}

/** Every bin's weighted sum of powers. */
function melled({ bins, power, energies, weights, weightEnds, powerStarts }: Layout): Code {
  const { a: bin, b: out, c: weight, d: end, e: frequency, first: sum } = LOCAL
  return [
    ...set(bin, i32(0)),
    ...set(out, i32(0)),
    ...set(weight, i32(0)),
    ...loopWhile(
      [
        ...set(end, loadI32(get(bin), weightEnds)),
        ...set(frequency, loadI32(get(bin), powerStarts)),
        ...set(sum, four.constant(0)),
        ...loopWhile(
          [
            ...set(
              sum,
              four.add(
                get(sum),
                four.mul(four.spread(get(weight), weights), four.load(get(frequency), power)),
              ),
            ),
            ...set(weight, add(get(weight), i32(FLOAT_BYTES))),
            ...set(frequency, add(get(frequency), i32(CELL_BYTES))),
          ],
          less(get(weight), get(end)),
        ),
        ...four.store(get(out), energies, get(sum)),
        ...set(out, add(get(out), i32(CELL_BYTES))),
        ...set(bin, add(get(bin), i32(FLOAT_BYTES))),
      ],
      less(get(bin), i32(bins * FLOAT_BYTES)),
    ),
  ]
}
