/** What can go wrong with the fabric itself: the server program, its process, its credentials, the connection. */
import { StarlingError } from '../errors.ts'

/** nats-server is not on this machine, and could not be installed without asking somebody. */
export class NatsServerMissing extends StarlingError {
  override readonly code = 'nats_server_missing'
}

/** The program found is no nats-server, or older than what Starling was made for. */
export class NatsServerUnfit extends StarlingError {
  override readonly code = 'nats_server_unfit'
}

/** nats-server would not start, or keeps ending by itself. */
export class NatsServerFailed extends StarlingError {
  override readonly code = 'nats_server_failed'
}

/** A seed, token or credentials file is not what it should be. */
export class BadCredentials extends StarlingError {
  override readonly code = 'bad_credentials'
}

/** No connection to the NATS server could be made. */
export class FabricUnreachable extends StarlingError {
  override readonly code = 'fabric_unreachable'
}

/** A stream is there, but holds something else than Starling's. */
export class StreamUnfit extends StarlingError {
  override readonly code = 'stream_unfit'
}
