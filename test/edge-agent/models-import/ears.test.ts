import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dictation } from '../../../edge-agent/agent/dictation.ts'
import { declareRuntime } from '../../../edge-agent/models-import/declare-runtime.ts'
import { listModels } from '../../../edge-agent/models-import/registry.ts'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import { systemClock } from '../../../shared/clock.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { glides, importTiny, writeTiny } from '../../support/model-folders.ts'
import { wav } from '../../support/sounds.ts'
import { tinyNemo } from '../../support/tiny-models.ts'
import { earsContract } from './ears-contract.ts'

const never = new AbortController().signal
let folder: Awaited<ReturnType<typeof dataFolder>>
let store = ''
let dictation: Dictation
beforeAll(async () => {
  folder = await dataFolder('ears')
  store = join(folder.path, 'imported')
  await importTiny(store, writeTiny(join(folder.path, 'given'), tinyNemo()), {
    name: 'inside',
    licence: 'MIT',
  })
  dictation = new Dictation(store, systemClock, never)
})
afterAll(async () => {
  await dictation.close()
  await folder.remove()
})

async function serving(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** Somebody's runtime: the imported model, behind HTTP. */
async function runtime(): Promise<{ url: string; server: Server }> {
  const ears = await dictation.ears('inside')
  return await serving((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/model') {
        response.end(JSON.stringify({ name: 'outside', digest: ears.model.digest }))
        return
      }
      void ears
        .listen(wavSource(Buffer.concat(chunks)), { onPartial: () => undefined, signal: never })
        .then(({ text, confidence }) => response.end(JSON.stringify({ text, confidence })))
    })
  })
}

const heard: string[] = []
earsContract(
  'an imported model',
  async () => ({ ears: await dictation.ears('inside'), close: async () => undefined }),
  heard,
)
earsContract(
  'a declared runtime',
  async () => {
    const { url, server } = await runtime()
    await declareRuntime({
      folder: store,
      url,
      name: 'outside',
      licence: 'MIT',
      class: 'ctc',
      nowMs: 0,
      signal: never,
    })
    return {
      ears: await dictation.ears('outside'),
      close: async () => {
        server.close()
        server.closeAllConnections()
      },
    }
  },
  heard,
)

describe('a model behind HTTP', () => {
  it('is heard as the same model inside is, and is listed with what it was declared with', async () => {
    expect(new Set(heard).size).toBe(1)
    expect(heard.length).toBe(2)
    const found = (await listModels(folder.path)).find(({ name }) => name === 'outside')
    expect(found).toMatchObject({
      source: 'declared',
      class: 'ctc',
      licence: 'MIT',
      contract: 'http-runtime',
    })
  })

  it('is refused off this machine, and where no runtime answers', async () => {
    const wish = {
      folder: store,
      name: 'other',
      licence: 'MIT',
      class: 'ctc',
      nowMs: 0,
      signal: never,
    } as const
    for (const url of [
      'http://example.org',
      'https://127.0.0.1',
      'http://10.0.0.1:80',
      'http://a@127.0.0.1',
      'nonsense',
    ])
      await expect(declareRuntime({ ...wish, url })).rejects.toMatchObject({ code: 'runtime_refused' })
    const { url, server } = await serving((_request, response) => response.end('{}'))
    await expect(declareRuntime({ ...wish, url })).rejects.toMatchObject({ code: 'runtime_refused' })
    server.close()
    await once(server, 'close')
    await expect(declareRuntime({ ...wish, url })).rejects.toMatchObject({ code: 'runtime_refused' })
  })

  it.each([
    [
      'serves another model than was declared',
      (digest: string) => ({ name: 'new', digest: digest.replace(/^./, '0') }),
    ],
    ['sends a confidence that is none', null],
    ['sends a book', undefined],
    ['leads elsewhere', 'redirect'],
  ])('is not believed when it %s', async (what, how) => {
    const digest = 'f'.repeat(64)
    let declared = false
    const { url, server } = await serving((request, response) => {
      const model = { name: 'm', digest }
      if (request.url === '/v1/model')
        response.end(JSON.stringify(declared && typeof how === 'function' ? how(digest) : model))
      else if (how === 'redirect') response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
      else
        response.end(how === undefined ? 'a'.repeat(2_000_000) : JSON.stringify({ text: 'x', confidence: 2 }))
    })
    const name = what.replaceAll(' ', '-')
    await declareRuntime({ folder: store, url, name, licence: 'MIT', class: 'ctc', nowMs: 0, signal: never })
    declared = true
    const ears = await dictation.ears(name)
    await expect(
      ears.listen(wavSource(wav(glides(1, 1, 16_000))), { onPartial: () => undefined, signal: never }),
    ).rejects.toMatchObject({ code: 'runtime_refused' })
    server.close()
    server.closeAllConnections()
  })
})

describe('imported models that run', () => {
  it('are replaced while one listens, which ends with the model that it began with', async () => {
    const ears = await dictation.ears('inside')
    const listening = ears.listen(wavSource(wav(glides(7, 20, 16_000))), {
      onPartial: () => undefined,
      signal: never,
    })
    for (const name of ['second', 'third']) {
      const files = writeTiny(join(folder.path, name), tinyNemo({ seed: name.length * 31 }))
      await importTiny(store, files, { name })
      await dictation.ears(name)
    }
    expect((await listening).kind).toBe('heard')
  })

  it('are opened once for all who ask at once', async () => {
    const [first, second] = await Promise.all([dictation.ears('inside'), dictation.ears('inside')])
    expect(first.model).toEqual(second.model)
  })
})
