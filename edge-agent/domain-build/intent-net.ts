/**
 * The intent classifier's net and its training, in plain typed arrays: hashed features -> ReLU -> intents. A sentence has
 * some hundred of many thousand features, so that only the rows that a batch touches are computed and moved.
 */
import type { SparseFeatures } from '../intent/features.ts'
import type { Random } from './random.ts'

export interface Example {
  readonly features: SparseFeatures
  readonly label: number
}

export interface IntentNet {
  readonly buckets: number
  readonly hidden: number
  readonly classes: number
  /** `buckets` x `hidden`, row by row. */
  readonly w1: Float32Array
  readonly b1: Float32Array
  /** `hidden` x `classes`, row by row. */
  readonly w2: Float32Array
  readonly b2: Float32Array
}

export interface TrainingPlan {
  readonly buckets: number
  readonly classes: number
  readonly epochs: number
  readonly random: Random
  /** Goes on with a net that was trained, at its own pace, instead of a fresh one. */
  readonly tuned?: { readonly net: IntentNet; readonly rate: number }
  onEpoch(epoch: number, loss: number): Promise<void>
}

const HIDDEN = 48
const BATCH = 64
const RATE = 4e-3
const LEAST_RATE = 2e-4
const DROPOUT = 0.2
/** A sentence is learned without some of its features, so that no single word decides: people say others. */
const FEATURE_DROPOUT = 0.3
/** So much of the certainty is spread over all intents: a net that is never quite sure generalises better. */
const SMOOTHING = 0.03
/** How far a rare intent may outweigh a common one. */
const MOST_WEIGHT = 3
const LEAST_WEIGHT = 0.3
const INITIAL_SPREAD = 0.15

export async function trainIntentNet(examples: readonly Example[], plan: TrainingPlan): Promise<IntentNet> {
  const net = plan.tuned?.net ?? freshNet(plan)
  const adam = [new Adam(net.w1), new Adam(net.b1), new Adam(net.w2), new Adam(net.b2)] as const
  const weights = classWeights(examples, plan.classes)
  for (let epoch = 0; epoch < plan.epochs; epoch += 1) {
    const order = plan.random.shuffle(examples)
    const rate = plan.tuned?.rate ?? RATE * (1 - epoch / plan.epochs) + LEAST_RATE
    let loss = 0
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.slice(from, from + BATCH)
      loss += batchGradients(net, batch, { weights, random: plan.random, adam })
      adam[0].stepRows(rate, net.hidden)
      for (const dense of adam.slice(1)) dense.step(rate)
    }
    await plan.onEpoch(epoch + 1, loss / Math.max(1, examples.length))
  }
  return net
}

/** Before the softmax. */
export function logits(net: IntentNet, { index, value }: SparseFeatures): Float32Array {
  const hidden = Float32Array.from(net.b1)
  addRows(hidden, net.w1, index, value)
  const out = Float32Array.from(net.b2)
  for (let h = 0; h < net.hidden; h += 1) {
    const active = Math.max(0, hidden[h] ?? 0)
    if (active === 0) continue
    for (let c = 0; c < net.classes; c += 1)
      out[c] = (out[c] ?? 0) + active * (net.w2[h * net.classes + c] ?? 0)
  }
  return out
}

export function softmax(values: Float32Array, temperature = 1): Float32Array {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const out = values.map((value) => Math.exp((value - most) / temperature))
  const sum = out.reduce((a, b) => a + b, 0)
  return out.map((value) => value / sum)
}

/** One net that gives the mean of what several give before the softmax: their middles side by side. */
export function joined(nets: readonly [IntentNet, ...IntentNet[]]): IntentNet {
  const [{ buckets, classes }] = nets
  const hidden = nets.reduce((sum, net) => sum + net.hidden, 0)
  const w1 = new Float32Array(buckets * hidden)
  const b2 = new Float32Array(classes)
  let before = 0
  for (const net of nets) {
    for (let row = 0; row < buckets; row += 1)
      w1.set(net.w1.subarray(row * net.hidden, (row + 1) * net.hidden), row * hidden + before)
    before += net.hidden
    net.b2.forEach((value, c) => (b2[c] = (b2[c] ?? 0) + value / nets.length))
  }
  return {
    buckets,
    hidden,
    classes,
    w1,
    b1: Float32Array.from(nets.flatMap(({ b1 }) => [...b1])),
    w2: Float32Array.from(nets.flatMap(({ w2 }) => Array.from(w2, (value) => value / nets.length))),
    b2,
  }
}

function freshNet({ buckets, classes, random }: TrainingPlan): IntentNet {
  const spread = (length: number): Float32Array =>
    Float32Array.from(
      { length },
      () => (random.next() + random.next() + random.next() - 1.5) * 2 * INITIAL_SPREAD,
    )
  return {
    buckets,
    hidden: HIDDEN,
    classes,
    w1: spread(buckets * HIDDEN),
    b1: new Float32Array(HIDDEN),
    w2: spread(HIDDEN * classes),
    b2: new Float32Array(classes),
  }
}

function classWeights(examples: readonly Example[], classes: number): Float32Array {
  const counts = new Float32Array(classes)
  for (const { label } of examples) counts[label] = (counts[label] ?? 0) + 1
  const mean = examples.length / classes
  return counts.map((count) => Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, mean / Math.max(1, count))))
}

interface Learning {
  readonly weights: Float32Array
  readonly random: Random
  readonly adam: readonly [Adam, Adam, Adam, Adam]
}

/** Adds the batch's gradients and returns its loss. */
function batchGradients(
  net: IntentNet,
  batch: readonly Example[],
  { weights, random, adam }: Learning,
): number {
  const [a1, ab1, a2, ab2] = adam
  const { classes, hidden: width } = net
  let loss = 0
  for (const { features: all, label } of batch) {
    const features = thinned(all, random)
    const hidden = Float32Array.from(net.b1)
    addRows(hidden, net.w1, features.index, features.value)
    const kept = hidden.map((value) => (value > 0 && random.next() >= DROPOUT ? value / (1 - DROPOUT) : 0))
    const out = Float32Array.from(net.b2)
    for (let h = 0; h < width; h += 1) {
      const active = kept[h] ?? 0
      if (active !== 0)
        for (let c = 0; c < classes; c += 1) out[c] = (out[c] ?? 0) + active * (net.w2[h * classes + c] ?? 0)
    }
    const p = softmax(out)
    loss -= Math.log((p[label] ?? 0) + 1e-9)
    const scale = (weights[label] ?? 1) / batch.length
    const back = new Float32Array(width)
    for (let c = 0; c < classes; c += 1) {
      const target = SMOOTHING / classes + (c === label ? 1 - SMOOTHING : 0)
      const d = ((p[c] ?? 0) - target) * scale
      ab2.gradient[c] = (ab2.gradient[c] ?? 0) + d
      for (let h = 0; h < width; h += 1) {
        const active = kept[h] ?? 0
        if (active === 0) continue
        const at = h * classes + c
        a2.gradient[at] = (a2.gradient[at] ?? 0) + active * d
        back[h] = (back[h] ?? 0) + (d * (net.w2[at] ?? 0)) / (1 - DROPOUT)
      }
    }
    for (let h = 0; h < width; h += 1) ab1.gradient[h] = (ab1.gradient[h] ?? 0) + (back[h] ?? 0)
    const { gradient } = a1
    for (let at = 0; at < features.index.length; at += 1) {
      const row = features.index[at] ?? 0
      const value = features.value[at] ?? 0
      a1.touch(row)
      for (let h = 0; h < width; h += 1) {
        const place = row * width + h
        gradient[place] = (gradient[place] ?? 0) + value * (back[h] ?? 0)
      }
    }
  }
  return loss
}

function thinned({ index, value }: SparseFeatures, random: Random): SparseFeatures {
  const [keptIndex, keptValue] = [new Int32Array(index.length), new Float32Array(index.length)]
  let kept = 0
  for (let at = 0; at < index.length; at += 1) {
    if (random.next() < FEATURE_DROPOUT) continue
    keptIndex[kept] = index[at] ?? 0
    keptValue[kept] = (value[at] ?? 0) / (1 - FEATURE_DROPOUT)
    kept += 1
  }
  return { index: keptIndex.subarray(0, kept), value: keptValue.subarray(0, kept) }
}

function addRows(to: Float32Array, matrix: Float32Array, rows: Int32Array, values: Float32Array): void {
  for (let at = 0; at < rows.length; at += 1) {
    const from = (rows[at] ?? 0) * to.length
    const value = values[at] ?? 0
    for (let h = 0; h < to.length; h += 1) to[h] = (to[h] ?? 0) + value * (matrix[from + h] ?? 0)
  }
}

/** Adam (Kingma and Ba, 2015); rows that no example of a batch touched rest. */
class Adam {
  readonly gradient: Float32Array
  readonly #values: Float32Array
  readonly #mean: Float32Array
  readonly #square: Float32Array
  readonly #touched = new Set<number>()
  #steps = 0

  constructor(values: Float32Array) {
    this.#values = values
    this.gradient = new Float32Array(values.length)
    this.#mean = new Float32Array(values.length)
    this.#square = new Float32Array(values.length)
  }

  touch(row: number): void {
    this.#touched.add(row)
  }

  stepRows(rate: number, width: number): void {
    const scale = this.#scale(rate)
    for (const row of this.#touched) this.#move(row * width, (row + 1) * width, scale)
    this.#touched.clear()
  }

  step(rate: number): void {
    this.#move(0, this.#values.length, this.#scale(rate))
  }

  #scale(rate: number): number {
    this.#steps += 1
    return (rate * Math.sqrt(1 - 0.999 ** this.#steps)) / (1 - 0.9 ** this.#steps)
  }

  #move(from: number, to: number, scale: number): void {
    for (let at = from; at < to; at += 1) {
      const g = this.gradient[at] ?? 0
      const mean = 0.9 * (this.#mean[at] ?? 0) + 0.1 * g
      const square = 0.999 * (this.#square[at] ?? 0) + 0.001 * g * g
      this.#mean[at] = mean
      this.#square[at] = square
      this.#values[at] = (this.#values[at] ?? 0) - (scale * mean) / (Math.sqrt(square) + 1e-8)
      this.gradient[at] = 0
    }
  }
}
