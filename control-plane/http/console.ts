/** The console's files, and the session that lets a browser call the API: the operator's token in a cookie that scripts cannot read. */
import { readdirSync, readFileSync } from 'node:fs'
import { Hono } from 'hono'
import * as v from 'valibot'
import type { ErrorReport } from '../../shared/errors.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { ACCESS_COOKIE, type Access } from './access.ts'
import { openEndpoint, type Endpoint } from './endpoint.ts'

const FOLDER = new URL('control-plane/console/', packageRoot())
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const SESSION_S = 12 * 60 * 60

/** The console's files: no calls, and so not in the API's document. */
export function consoleFiles(): Hono {
  const app = new Hono()
  for (const file of readdirSync(FOLDER)) {
    const type = TYPES[file.split('.').at(-1) ?? '']
    if (type === undefined) continue
    const text = readFileSync(new URL(file, FOLDER), 'utf8')
    app.get(file === 'console.html' ? '/' : `/${file}`, (context) =>
      context.body(text, 200, { 'content-type': type, 'cache-control': 'no-cache' }),
    )
  }
  return app
}

const session = { path: '/console/session', tag: 'console' } as const

export function sessionEndpoints(access: Access): readonly Endpoint[] {
  return [
    openEndpoint(
      {
        ...session,
        method: 'post',
        summary: 'Signs a browser in: the token lies in a cookie that no script reads.',
        body: v.strictObject({ token: v.pipe(v.string(), v.maxLength(4_000)) }),
        answer: v.object({ id: v.string(), roles: v.array(v.string()) }),
        refusals: [401, 422],
      },
      async ({ body: { token }, context }) => {
        const principal = await access.check(token.trim())
        if (principal === null) return context.json(UNKNOWN_TOKEN, 401)
        context.header(
          'set-cookie',
          `${ACCESS_COOKIE}=${token.trim()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_S}`,
        )
        return { id: principal.id, roles: principal.roles }
      },
    ),
    openEndpoint(
      {
        ...session,
        method: 'delete',
        summary: 'Signs the browser out.',
        answer: v.object({}),
        refusals: [],
      },
      async ({ context }) => {
        context.header('set-cookie', `${ACCESS_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`)
        return await Promise.resolve({})
      },
    ),
  ]
}

const UNKNOWN_TOKEN: ErrorReport = {
  code: 'access_denied',
  message: 'This is not a token of this centre, or it has expired.',
  remedy: 'Paste the text of the operator token file: `starling up` prints its path.',
}
