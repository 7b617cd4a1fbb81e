/** What a gate is told. One device is one cluster: its sessions hang together, so it speaks once a ring. */
export type Arm = 'treated' | 'control'

export type GateFact =
  /**
   * A device came under observation: treated, when its probation began; control, when it was taken as counterpart. Devices of
   * the control are to enter over the same time as the treated ones.
   */
  | {
      readonly kind: 'entered'
      readonly arm: Arm
      readonly device: string
      readonly site: string
      readonly atMs: number
    }
  /**
   * Its observation is over: at once when it failed, else at the end of its probation. `value`: 1 failed and 0 did not
   * (failure, limit), or the score (score); null where the device gave none.
   */
  | {
      readonly kind: 'judged'
      readonly arm: Arm
      readonly device: string
      readonly site: string
      readonly atMs: number
      readonly value: number | null
    }
  /**
   * What a device saw in one window with both versions on the same live input: how many inputs, on how many of them the new
   * version was worse and better. A device may speak once a window.
   */
  | {
      readonly kind: 'shadowed'
      readonly device: string
      readonly site: string
      readonly atMs: number
      readonly inputs: number
      readonly worse: number
      readonly better: number
    }
