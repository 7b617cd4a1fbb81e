// Runs sherpa-onnx's streaming recogniser in a process of its own: a model of the wrong class ends the whole process.
// One argument, JSON: {model, tokens, kind, streams: [path of float32 samples], sampleRate, stepS?, rounds?}.
// Prints one line of JSON: {results: [{text, tokens, timestamps}], processorUs}.
import { readFileSync } from 'node:fs'
import sherpa from 'sherpa-onnx-node'

const call = JSON.parse(process.argv[2])
const recogniser = new sherpa.OnlineRecognizer({
  featConfig: { sampleRate: call.modelRate ?? 16_000, featureDim: 80 },
  modelConfig: { ...call.model, tokens: call.tokens, numThreads: 1, provider: 'cpu', debug: 0 },
  decodingMethod: 'greedy_search',
})
const audio = call.streams.map((path) => {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
})

function round() {
  const streams = audio.map(() => recogniser.createStream())
  const decode = () => {
    for (;;) {
      const ready = streams.filter((stream) => recogniser.isReady(stream))
      if (ready.length === 0) return
      if (call.alone) for (const stream of ready) recogniser.decode(stream)
      else recogniser.decodeStreams(ready)
    }
  }
  const longest = Math.max(...audio.map((samples) => samples.length))
  const step = Math.round((call.stepS ?? 0.5) * call.sampleRate)
  for (let at = 0; at < longest; at += step) {
    streams.forEach((stream, i) => {
      if (at < audio[i].length)
        stream.acceptWaveform({ samples: audio[i].slice(at, at + step), sampleRate: call.sampleRate })
    })
    decode()
  }
  for (const stream of streams) stream.inputFinished()
  decode()
  return streams.map((stream) => recogniser.getResult(stream))
}

let results = round()
const before = process.cpuUsage()
for (let i = 0; i < (call.rounds ?? 0); i++) results = round()
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${JSON.stringify({ results, processorUs: user + system })}\n`)
