// The microphone as 16-bit mono PCM at the browser's own rate; the agent resamples.

/** Opens the microphone; `onPcm` gets an ArrayBuffer of Int16 samples about ten times a second once `start()` was called. */
export async function openMicrophone(onPcm) {
  const media = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
  })
  const context = new AudioContext()
  await context.audioWorklet.addModule('pcm-worklet.js')
  const source = context.createMediaStreamSource(media)
  const node = new AudioWorkletNode(context, 'pcm', { numberOfOutputs: 0 })
  node.port.onmessage = ({ data }) => onPcm(data)
  let stopped = false
  return {
    sampleRateHz: context.sampleRate,
    start() {
      source.connect(node)
    },
    stop() {
      if (stopped) return
      stopped = true
      source.disconnect()
      for (const track of media.getTracks()) track.stop()
      void context.close()
    },
  }
}
