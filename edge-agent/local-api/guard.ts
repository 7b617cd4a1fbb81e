/**
 * The local API listens on loopback, where any page in the technician's browser could reach it. A request is let in only
 * when its Host names a loopback address (a rebound DNS name does not) and its Origin, where there is one, is the page
 * that this agent served (a foreign site's is not).
 */
import type { MiddlewareHandler } from 'hono'

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

export function loopbackOnly(): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? ''
    const origin = context.req.header('origin')
    const name = host.replace(/:\d+$/, '')
    if (!LOOPBACK.has(name)) return context.json(refusal(`the host ${host}`), 403)
    if (origin !== undefined && origin !== `http://${host}`)
      return context.json(refusal(`the origin ${origin}`), 403)
    await next()
  }
}

function refusal(what: string): { code: string; message: string; remedy: string } {
  return {
    code: 'foreign_request',
    message: `${what.slice(0, 200)} may not use this device's agent`,
    remedy: 'Open the page at the address that `starling status` prints.',
  }
}
