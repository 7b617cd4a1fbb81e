// Stands where the smoke test's program stands, and ends in the way that its work's folder names.
const { dir } = JSON.parse(process.argv[2])
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
const passed = { kind: 'passed', openMs: 1, latencyMs: 1, spokenMs: null, memoryBytes: 1 }
if (dir === 'aborts') process.abort()
else if (dir === 'is killed') process.kill(process.pid, 'SIGKILL')
else if (dir === 'hangs') for (;;);
else if (dir === 'says nothing') process.exitCode = 0
else if (dir === 'says half') process.stdout.write(JSON.stringify(passed).slice(0, 20))
else if (dir === 'passes and fails') {
  say(passed)
  process.exitCode = 3
} else if (dir === 'is slow') say({ ...passed, latencyMs: 501 })
else if (dir === 'is slower than speech') say({ ...passed, spokenMs: 1_000, latencyMs: 1_001 })
else if (dir === 'is large') say({ ...passed, memoryBytes: 10_000_000_001 })
else if (dir === 'tells its environment')
  say({
    kind: 'failed',
    error: { code: 'environment', message: Object.keys(process.env).join(' '), remedy: '' },
  })
