/** Which senone each frame of a recording belongs to, its words being known: the best path through the sentence's own network, kept whole. */
import type { PhoneModel } from '../speech/phone-model.ts'
import type { SearchNetwork } from '../speech/search-network.ts'

const IMPOSSIBLE = -1e30

interface Network {
  readonly net: SearchNetwork
  readonly model: PhoneModel
}

/** Scores of every senone that the network has, at one frame. */
export type FrameScore = (frame: number, senone: number) => number

/** A senone a frame; null when no path ends where the sentence ends. */
export function align(of: Network, frames: number, score: FrameScore): Uint16Array | null {
  const { net } = of
  const states = 3 * net.unitCount
  const back = new Int32Array(frames * states)
  let current = new Float64Array(states).fill(IMPOSSIBLE)
  let next = new Float64Array(states)
  const into = predecessors(of)
  const starts = new Set<number>()
  for (const junction of net.startJunctions)
    for (let i = net.entryFirst[junction] ?? 0; i < (net.entryFirst[junction + 1] ?? 0); i++)
      starts.add(3 * (net.entryUnits[i] ?? 0))
  for (let t = 0; t < frames; t++) {
    for (let state = 0; state < states; state++) {
      let best = t === 0 && starts.has(state) ? 0 : IMPOSSIBLE
      let from = -1
      if (t > 0)
        for (const arc of into[state] ?? []) {
          const value = (current[arc.from] as number) + arc.weight
          if (value > best) {
            best = value
            from = arc.from
          }
        }
      back[t * states + state] = from
      next[state] = best <= IMPOSSIBLE / 2 ? IMPOSSIBLE : best + score(t, net.senones[state] ?? 0)
    }
    ;[current, next] = [next, current]
  }
  return traceBack(of, { back, last: current, frames })
}

function traceBack(
  { net }: Network,
  { back, last, frames }: { readonly back: Int32Array; readonly last: Float64Array; readonly frames: number },
): Uint16Array | null {
  const states = 3 * net.unitCount
  let at = -1
  for (let unit = 0; unit < net.unitCount; unit++) {
    if (!endsSentence(net, unit)) continue
    const state = 3 * unit + 2
    if ((last[state] as number) > (at < 0 ? IMPOSSIBLE / 2 : (last[at] as number))) at = state
  }
  if (at < 0) return null
  const senones = new Uint16Array(frames)
  for (let t = frames - 1; t >= 0; t--) {
    senones[t] = net.senones[at] ?? 0
    at = back[t * states + at] ?? -1
  }
  return senones
}

function endsSentence(net: SearchNetwork, unit: number): boolean {
  for (let i = net.exitFirst[unit] ?? 0; i < (net.exitFirst[unit + 1] ?? 0); i++)
    if (net.isFinal[net.exitJunctions[i] ?? 0] === 1) return true
  return false
}

interface Entering {
  readonly from: number
  readonly weight: number
}

function predecessors({ net, model }: Network): Entering[][] {
  const into: Entering[][] = Array.from({ length: 3 * net.unitCount }, () => [])
  for (let unit = 0; unit < net.unitCount; unit++) {
    const t = 6 * (net.phone[unit] ?? 0)
    const stay = (state: number): number => model.transitions[t + 2 * state] ?? IMPOSSIBLE
    const go = (state: number): number => model.transitions[t + 2 * state + 1] ?? IMPOSSIBLE
    for (let state = 0; state < 3; state++) {
      into[3 * unit + state]?.push({ from: 3 * unit + state, weight: stay(state) })
      if (state > 0) into[3 * unit + state]?.push({ from: 3 * unit + state - 1, weight: go(state - 1) })
    }
    const last = 3 * unit + 2
    for (let i = net.nextFirst[unit] ?? 0; i < (net.nextFirst[unit + 1] ?? 0); i++)
      into[3 * (net.nextUnits[i] ?? 0)]?.push({ from: last, weight: go(2) })
    for (let i = net.exitFirst[unit] ?? 0; i < (net.exitFirst[unit + 1] ?? 0); i++) {
      const junction = net.exitJunctions[i] ?? 0
      for (let e = net.entryFirst[junction] ?? 0; e < (net.entryFirst[junction + 1] ?? 0); e++)
        into[3 * (net.entryUnits[e] ?? 0)]?.push({ from: last, weight: go(2) + (net.exitWeight[unit] ?? 0) })
    }
  }
  return into
}
