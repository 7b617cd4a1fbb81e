/** What becomes of a command whose reader leaves, as `| head` does. */

/**
 * Ends the process as SIGTERM does once nobody reads one of the streams any more, so that what runs is stopped in order. Without it
 * the first line that is lost ends everything at once, with a trace of the stack.
 */
export function endWhenUnread(...streams: readonly NodeJS.WritableStream[]): void {
  let isEnding = false
  for (const stream of streams)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (!isEnding) process.kill(process.pid, 'SIGTERM')
      isEnding = true
    })
}
