export interface ModelPair {
  readonly name: string
  readonly scales: 'frozen' | 'moved'
  readonly base: Uint8Array
  readonly target: Uint8Array
}
