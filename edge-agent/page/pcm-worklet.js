// Gathers 100 ms of samples and posts them as 16-bit PCM.
class Pcm extends AudioWorkletProcessor {
  constructor() {
    super()
    this.block = new Int16Array(Math.round(sampleRate / 10))
    this.filled = 0
  }

  process([input]) {
    const samples = input[0]
    if (!samples) return true
    for (const sample of samples) {
      this.block[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)))
      if (this.filled === this.block.length) {
        const full = this.block.buffer
        this.block = new Int16Array(this.block.length)
        this.filled = 0
        this.port.postMessage(full, [full])
      }
    }
    return true
  }
}
registerProcessor('pcm', Pcm)
