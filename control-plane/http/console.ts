/** The console's files, and the session that lets a browser call the API: the operator's token in a cookie that scripts cannot read. */
import { readdirSync, readFileSync } from 'node:fs'
import { Hono } from 'hono'
import * as v from 'valibot'
import { packageRoot } from '../../shared/package-root.ts'
import { ACCESS_COOKIE, type Access } from './access.ts'
import { bodyOf } from './body.ts'

const FOLDER = new URL('control-plane/console/', packageRoot())
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const SessionSchema = v.strictObject({ token: v.pipe(v.string(), v.maxLength(4_000)) })
const SESSION_S = 12 * 60 * 60

export function consoleRoutes(access: Access): Hono {
  const app = new Hono()
  for (const file of readdirSync(FOLDER)) {
    const type = TYPES[file.split('.').at(-1) ?? '']
    if (type === undefined) continue
    const text = readFileSync(new URL(file, FOLDER), 'utf8')
    app.get(file === 'console.html' ? '/' : `/${file}`, (context) =>
      context.body(text, 200, { 'content-type': type, 'cache-control': 'no-cache' }),
    )
  }
  app.post('/console/session', async (context) => {
    const { token } = await bodyOf(context.req, SessionSchema)
    const principal = await access.check(token.trim())
    if (principal === null)
      return context.json(
        {
          code: 'access_denied',
          message: 'This is not a token of this centre, or it has expired.',
          remedy: 'Paste the text of the operator token file: `starling up` prints its path.',
        },
        401,
      )
    context.header(
      'set-cookie',
      `${ACCESS_COOKIE}=${token.trim()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_S}`,
    )
    return context.json({ id: principal.id, roles: principal.roles })
  })
  app.delete('/console/session', (context) => {
    context.header('set-cookie', `${ACCESS_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`)
    return context.json({})
  })
  return app
}
