/** Making sure that a stream is there as Starling needs it: created, or brought to these settings where it differs. */
import {
  jetstreamManager,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { StreamUnfit } from './errors.ts'

/** A store that holds gigabytes answers late after a start. */
const API_LIMIT_MS = 5_000
/** "stream not found" in the JetStream API's list of errors. */
const STREAM_NOT_FOUND = 10059
/** Only a first line against doubles: what counts is the centre's own check of sequence and hash. */
const DEDUPE_WINDOW_MS = 120_000

export interface StreamNeed {
  readonly name: string
  readonly subject: string
  readonly maxBytes: number
  /** `new`: a full stream refuses, so that nothing is dropped unseen. */
  readonly discard: 'new' | 'old'
}

export async function openStreamApi(connection: NatsConnection): Promise<JetStreamManager> {
  // No check at opening: it asks for the account's limits, which a device may not, and the server may be away.
  return jetstreamManager(connection, { checkAPI: false, timeout: API_LIMIT_MS })
}

/** The stream's state. Throws {@link StreamUnfit} when one of that name carries other subjects. */
export async function ensureStream(api: JetStreamManager, need: StreamNeed): Promise<StreamInfo> {
  const wanted = {
    subjects: [need.subject],
    max_bytes: need.maxBytes,
    discard: need.discard,
    duplicate_window: nanos(DEDUPE_WINDOW_MS),
    allow_direct: true,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_age: 0,
    max_msg_size: -1,
    num_replicas: 1,
  } satisfies Partial<StreamConfig>
  const found = await streamInfo(api, need.name)
  if (found === null)
    return api.streams.add({ name: need.name, storage: 'file', retention: 'limits', ...wanted })
  if (found.config.subjects.length !== 1 || found.config.subjects[0] !== need.subject)
    throw new StreamUnfit(`the stream ${need.name} carries ${found.config.subjects.join(', ')}`, {
      remedy: `Move the server's store away: Starling needs ${need.name} for ${need.subject} alone.`,
    })
  const { config } = found
  if (config.max_bytes === need.maxBytes && config.discard === need.discard && config.allow_direct)
    return found
  return api.streams.update(need.name, wanted)
}

/** Null when there is no stream of that name. */
export async function streamInfo(api: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await api.streams.info(name)
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND) return null
    throw thrown
  }
}
