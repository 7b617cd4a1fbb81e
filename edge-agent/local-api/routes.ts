/** The agent's HTTP face on loopback: the technician's page, status, turns from files, the talk socket. */
import { readFileSync } from 'node:fs'
import { upgradeWebSocket } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as v from 'valibot'
import { reportError, StarlingError } from '../../shared/errors.ts'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { Transcribed, Understood } from '../turn/model-calls.ts'
import type { WriteDesk } from '../context/write-desk.ts'
import type { AudioSource } from '../turn/ports.ts'
import type { TurnResult } from '../turn/result.ts'
import { contextRoutes, type ContextViews } from './context.ts'
import { loopbackOnly } from './guard.ts'
import { questionRoutes, type ContextQuestions } from './questions.ts'
import { recordRoutes, type RecordViews } from './records.ts'
import { speechRoutes, type SpeechParts } from './speech.ts'
import type { AgentStatus } from './status.ts'
import { openTalk, type TakeTurn } from './talk.ts'
import { writeRoutes } from './writes.ts'

/** Ten minutes of 48 kHz stereo in 32-bit floats is 230 MB; a field recording is 16-bit: 115 MB at most. */
const MAX_FILE_BYTES = 128 * 1024 * 1024
const MAX_TURNS = 100
/** The rest of a body that was refused is not read: the connection cannot be used again, and says so. */
const CLOSING = { connection: 'close' }
/** A typed sentence: far longer than any that is spoken. */
const MAX_TEXT_BYTES = 16 * 1024

const TextSchema = v.strictObject({ text: v.string() })

export interface LocalApiParts {
  readonly takeTurn: TakeTurn
  /** Reads a WAV file; throws a typed error on anything else. */
  readAudio(bytes: Uint8Array): AudioSource
  /** The models alone, without a turn. */
  /** `model` is an imported one's name, or `default`; without it, what was chosen for dictation. `isOpen`: any words, by the released model. */
  transcribe(
    audio: AudioSource,
    by: { readonly model: string | null; readonly domain: string | null; readonly isOpen: boolean },
  ): Promise<Transcribed>
  /** `domain` names another than the one that runs. */
  understand(text: string, domain: string | null): Promise<Understood>
  recentTurns(limit: number): Promise<readonly TurnResult[]>
  readonly records: RecordViews
  readonly speech: SpeechParts
  readonly context: ContextViews
  readonly writes: WriteDesk
  readonly questions: ContextQuestions
  status(): Promise<AgentStatus>
  /** In Prometheus' text form. */
  metrics(): Promise<string>
  /** The folder of the page's files. */
  readonly pageDir: URL
}

const PAGE_FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'technician.html', type: 'text/html; charset=utf-8' },
  '/technician.css': { file: 'technician.css', type: 'text/css; charset=utf-8' },
  '/technician.js': { file: 'technician.js', type: 'text/javascript; charset=utf-8' },
  '/changes.js': { file: 'changes.js', type: 'text/javascript; charset=utf-8' },
  '/search.js': { file: 'search.js', type: 'text/javascript; charset=utf-8' },
  '/render.js': { file: 'render.js', type: 'text/javascript; charset=utf-8' },
  '/microphone.js': { file: 'microphone.js', type: 'text/javascript; charset=utf-8' },
  '/pcm-worklet.js': { file: 'pcm-worklet.js', type: 'text/javascript; charset=utf-8' },
}

export function localApi(parts: LocalApiParts): Hono {
  const app = new Hono()
  app.use(loopbackOnly())
  app.use(async (context, next) => {
    await next()
    context.header(
      'content-security-policy',
      "default-src 'self'; connect-src 'self' ws:; frame-ancestors 'none'",
    )
    context.header('x-content-type-options', 'nosniff')
    // Whatever is answered rests on a copy: how old that may be is said each time.
    const { stalenessMs } = parts.context.staleness()
    context.header('starling-context-staleness-ms', stalenessMs === null ? 'never' : String(stalenessMs))
  })
  for (const [path, { file, type }] of Object.entries(PAGE_FILES)) {
    const bytes = readFileSync(new URL(file, parts.pageDir), 'utf8')
    app.get(path, (context) =>
      context.body(bytes, 200, { 'content-type': type, 'cache-control': 'no-cache' }),
    )
  }
  app.get('/v1/status', async (context) => context.json(await parts.status()))
  app.get('/metrics', async (context) => context.text(await parts.metrics()))
  app.get('/v1/turns', async (context) => {
    const limit = Math.min(MAX_TURNS, Math.max(1, Number(context.req.query('limit')) || 20))
    return context.json({ turns: await parts.recentTurns(limit) })
  })
  const limited = bodyLimit({
    maxSize: MAX_FILE_BYTES,
    onError: (context) => context.json(tooLarge(), 413, CLOSING),
  })
  app.post('/v1/turns', limited, async (context) => {
    const audio = parts.readAudio(new Uint8Array(await context.req.arrayBuffer()))
    return context.json(await parts.takeTurn(audio, () => undefined, context.req.query('domain') ?? null))
  })
  app.post('/v1/transcribe', limited, async (context) => {
    const audio = parts.readAudio(new Uint8Array(await context.req.arrayBuffer()))
    const model = context.req.query('model') ?? null
    const domain = context.req.query('domain') ?? null
    return context.json(
      await parts.transcribe(audio, { model, domain, isOpen: context.req.query('dictation') === '1' }),
    )
  })
  const short = bodyLimit({
    maxSize: MAX_TEXT_BYTES,
    onError: (context) => context.json(tooLong(), 413, CLOSING),
  })
  app.post('/v1/understand', short, async (context) => {
    const { text } = decodeJson(TextSchema, new Uint8Array(await context.req.arrayBuffer()))
    return context.json(await parts.understand(text, context.req.query('domain') ?? null))
  })
  app.route('/v1/records', recordRoutes(parts.records))
  app.route('/v1/context', contextRoutes(parts.context))
  app.route('/v1/context', questionRoutes(parts.questions))
  app.route('/v1/speech', speechRoutes(parts.speech))
  app.route('/v1/writes', writeRoutes(parts.writes))
  app.get('/v1/talk', talkSocket(parts.takeTurn))
  app.notFound((context) =>
    context.json({ code: 'not_found', message: 'There is nothing here.', remedy: 'See /.' }, 404),
  )
  app.onError((error, context) => {
    // A typed error is the caller's to mend; anything else is ours.
    return context.json(reportError(error), error instanceof StarlingError ? 422 : 500)
  })
  return app
}

function talkSocket(takeTurn: TakeTurn): MiddlewareHandler {
  return upgradeWebSocket(() => {
    let talk: ReturnType<typeof openTalk> | null = null
    return {
      onOpen: (_event, socket) => {
        talk = openTalk(takeTurn, (message) => socket.send(JSON.stringify(message)))
      },
      onMessage: (event: { readonly data: unknown }) => talk?.receive(event.data),
      onClose: () => talk?.abandon(),
    }
  })
}

function tooLong(): { code: string; message: string; remedy: string } {
  return {
    code: 'body_too_large',
    message: `the text is longer than ${MAX_TEXT_BYTES / 1024} KB`,
    remedy: 'Send one sentence at a time.',
  }
}

function tooLarge(): { code: string; message: string; remedy: string } {
  return {
    code: 'body_too_large',
    message: `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB`,
    remedy: 'Cut it into parts of at most ten minutes.',
  }
}
