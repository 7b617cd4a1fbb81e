/** Owns one nats-server and waits to be killed. */
import { freePort } from '../../shared/fabric/free-port.ts'
import { startNatsServer } from '../../shared/fabric/nats-process.ts'

const [, , binary = '', dir = ''] = process.argv
const server = await startNatsServer({
  name: 'owned',
  binary,
  dir,
  config: `listen: "127.0.0.1:${await freePort(0)}"`,
  onEvent: () => undefined,
  signal: new AbortController().signal,
})
process.stdout.write(`${server.pid() ?? 0}\n`)
