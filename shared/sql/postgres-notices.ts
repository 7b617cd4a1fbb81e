/** Hears a PostgreSQL server's `NOTIFY` on a connection of its own, which is made again when it breaks. */
import { Client } from 'pg'

/** A server that restarts is back in seconds; who needs certainty looks by itself meanwhile. */
const AGAIN_AFTER_MS = 1_000

export interface Listening {
  close(): Promise<void>
}

export function listenTo(url: string, channel: string, heard: () => void): Listening {
  let isClosed = false
  let client: Client | null = null
  let timer: NodeJS.Timeout | undefined
  const open = async (): Promise<void> => {
    const own = new Client({ connectionString: url, application_name: `starling listens to ${channel}` })
    client = own
    const again = (): void => {
      if (client !== own) return
      client = null
      if (!isClosed) timer = setTimeout(() => void open(), AGAIN_AFTER_MS).unref()
    }
    own.on('error', again).on('end', again).on('notification', heard)
    try {
      await own.connect()
      await own.query(`listen "${channel.replaceAll('"', '""')}"`)
      // What was sent while nobody listened.
      heard()
    } catch {
      again()
      await own.end().catch(() => undefined)
    }
  }
  void open()
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}
