/**
 * tuf-js as an oracle: repositories are damaged by a seed, and both clients must accept and refuse the same ones, with the
 * same files trusted afterwards. Where they may differ is listed, with the reason, in oracle-differences.json.
 */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { generateSigningKey } from '../../../shared/signing/signing-key.ts'
import { seeded } from '../../../shared/seeded.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { TestRepository } from '../../support/tuf-repository.ts'
import { EXAMPLES } from './oracle-examples.ts'
import { mutate } from './mutations.ts'
import { TwoClients, type Seen } from './two-clients.ts'

interface Difference {
  /** Its name in oracle-examples.ts. */
  readonly example: string
  /** Which of the two refuses; the other accepts. */
  readonly refuses: 'starling' | 'tuf-js'
  /** What chance must have done to the repository for this to explain it. */
  readonly mutation: string
  /** What the one that refuses says. */
  readonly says: string
  readonly because: string
}

const differences = JSON.parse(
  readFileSync(new URL('oracle-differences.json', import.meta.url), 'utf8'),
) as readonly Difference[]

const SEED = 20_261_121
const SEEDS_A_TEST = 12
const ROUNDS = 3
const PATHS = ['top', 'a/x', 'b/x', 'c/x', 'a/new', 'a/.hidden', 'nowhere']

function repositoryOf(random: () => number): TestRepository {
  const repository = new TestRepository('ed25519')
  const key = (): ReturnType<typeof generateSigningKey> => generateSigningKey('ed25519')
  const shared = key()
  repository.delegate('targets', 'A', { paths: ['a/*', 'c/?'], key: key() })
  repository.delegate('targets', 'B', { paths: ['b/*', 'c/*'], key: key(), terminating: random() < 0.3 })
  repository.delegate('B', 'C', { paths: ['c/*'], key: shared })
  for (const [role, path] of [
    ['targets', 'top'],
    ['A', 'a/x'],
    ['B', 'b/x'],
    ['C', 'c/x'],
  ] as const)
    repository.addArtifact(role, path, Buffer.from(`bytes of ${path}`.slice(0, 10)))
  repository.listsHashes = random() < 0.3
  repository.publish('A', 'B', 'C', 'targets', 'snapshot', 'timestamp')
  return repository
}

/** The same in both: each step's outcome, and the files that are trusted after it. */
const outcome = ({ steps, trusted }: Seen): unknown => ({
  steps: steps.map((line) => line.replace(/ refused: .*/s, ' refused')),
  trusted: [...trusted],
})

/** Does this difference say why the two saw what they saw? */
function explains({ refuses, says }: Difference, ours: Seen, theirs: Seen): boolean {
  const isOk = (line: string | undefined): boolean => line?.endsWith(' ok') === true
  const parted = ours.steps.findIndex((line, index) => isOk(line) !== isOk(theirs.steps[index]))
  // Both refuse, and yet trust other files: the one that refuses by this rule stopped earlier.
  const at = parted < 0 ? ours.steps.findIndex((line) => !isOk(line)) : parted
  const refusing = refuses === 'starling' ? ours : theirs
  const line = refusing.steps[at]
  return line !== undefined && !isOk(line) && new RegExp(says).test(line)
}

const isSame = (ours: Seen, theirs: Seen): boolean =>
  JSON.stringify(outcome(ours)) === JSON.stringify(outcome(theirs))

async function run(seed: number): Promise<readonly string[]> {
  const random = seeded(seed)
  const repository = repositoryOf(random)
  const folder = await dataFolder('oracle')
  const done: string[] = []
  try {
    const clients = new TwoClients(folder.path, repository)
    await clients.init(repository.published.get('root')?.[0] ?? new Uint8Array())
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) {
        repository.publish('A', 'B', 'C', 'targets', 'snapshot', 'timestamp')
        if (random() < 0.5) repository.publish('root')
        done.push(mutate(repository, random))
      }
      const [ours, theirs] = [await clients.ours(PATHS), await clients.theirs(PATHS)]
      const mutation = done.at(-1) ?? 'none'
      if (isSame(ours, theirs)) continue
      const known = differences.find(
        (difference) => new RegExp(difference.mutation).test(mutation) && explains(difference, ours, theirs),
      )
      if (known === undefined)
        throw new Error(
          `seed ${seed} ${JSON.stringify({ done, ours: ours.steps, theirs: theirs.steps, stored: [[...ours.trusted.keys()], [...theirs.trusted.keys()]] }, undefined, 1)}`,
        )
      return done
    }
    return done
  } finally {
    await folder.remove()
  }
}

it.each([0, 1, 2, 3])('both clients agree on repositories damaged by seed, part %s', async (part) => {
  const failures: string[] = []
  for (let index = 0; index < SEEDS_A_TEST; index += 1)
    await run(SEED + part * SEEDS_A_TEST + index).catch((thrown: unknown) => failures.push(String(thrown)))
  expect(failures).toEqual([])
})

it.each(differences)('the listed difference is real: $example', async (difference) => {
  const repository = repositoryOf(() => 0.5)
  EXAMPLES[difference.example]?.(repository)
  const folder = await dataFolder('oracle')
  try {
    const clients = new TwoClients(folder.path, repository)
    await clients.init(repository.published.get('root')?.[0] ?? new Uint8Array())
    const [ours, theirs] = [await clients.ours(PATHS), await clients.theirs(PATHS)]
    expect({
      ours: ours.steps,
      theirs: theirs.steps,
      explained: explains(difference, ours, theirs),
    }).toMatchObject({ explained: true })
    expect(isSame(ours, theirs)).toBe(false)
  } finally {
    await folder.remove()
  }
})

it('every example is listed with its reason', () => {
  expect(differences.map(({ example }) => example).sort()).toEqual(Object.keys(EXAMPLES).sort())
})
