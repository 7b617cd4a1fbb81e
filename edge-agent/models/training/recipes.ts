/** What can be trained: each recipe's steps, what each reads and what it makes. */

export interface Step {
  readonly title: string
  /** `{root}`, `{out}` and `{python}` are filled in. */
  readonly command: readonly [string, ...string[]]
  /** Files and folders that decide what comes out; below the package, or absolute. */
  readonly inputs: readonly string[]
  /** In the recipe's folder. Standard output goes into the first when `keepsOutput`. */
  readonly outputs: readonly [string, ...string[]]
  readonly keepsOutput?: boolean
}

export interface Recipe {
  readonly makes: string
  readonly out: string
  /** Python modules that must be importable. */
  readonly modules: readonly string[]
  /** Files of Debian packages, and the programs of others, without which no step can run. */
  readonly needs: readonly { readonly path: string; readonly debianPackage: string }[]
  readonly steps: readonly Step[]
}

const SPHINX = '/usr/share/pocketsphinx/model/en-us'
const WORDNET = '/usr/share/wordnet'
const TRAINING = 'edge-agent/models/training'
/** Of what the confidence is fitted to: each says other sentences. */
const EVIDENCE_SEEDS = [11, 12, 13, 14] as const
const UTTERANCES_A_VOICE = '60'
const evidenceFile = (seed: number): string => `.made/evidence-${seed}.jsonl`
const MINUTES_A_SOUND = '8'
const SOUNDS_SEED = '31'
const SOUNDS_FILE = '.made/sounds.jsonl'
const PEOPLES_UTTERANCES = '4000'
const PEOPLE_SEED = '51'
const PEOPLE_FILE = '.made/evidence-people.jsonl'
const DICTATION_SEED = '21'
const DICTATED_A_VOICE = '40'
const DICTATED_FILE = '.made/dictated.jsonl'
const HEARD_BY = [
  `${TRAINING}/confidence`,
  `${TRAINING}/walks.ts`,
  'edge-agent/domains',
  'edge-agent/evaluation/open-microphone.ts',
  'edge-agent/grammar',
  'edge-agent/intent/normalise.ts',
  'edge-agent/intent/traced-text.ts',
  'edge-agent/models/denoiser/denoiser.onnx',
  ...['acoustic.onnx', 'language.bin.br', 'letters.bin.br', 'lexicon.txt.br', 'mixture.json', 'phones.json', 'triphones.bin.br'].map(
    (file) => `edge-agent/models/speech/${file}`,
  ),
  'edge-agent/speech',
  'shared/seeded.ts',
]

const FITTED_TO = [...EVIDENCE_SEEDS.map(evidenceFile), PEOPLE_FILE].map((file) => `{out}/${file}`)

const PEOPLE: Step = {
  title: 'four hours of people, from packages that are fetched (ten minutes)',
  command: ['{python}', `{root}/${TRAINING}/people/recordings.py`, '--out', '{out}/.made'],
  inputs: [`${TRAINING}/people/recordings.py`],
  outputs: ['.made/people.json', '.made/people.i16'],
}
const DIALOGUES: Step = {
  title: 'ten hours of people who act, six of them with texts, from packages that are fetched (ten minutes)',
  command: ['{python}', `{root}/${TRAINING}/people/dialogues.py`, '--out', '{out}/.made'],
  inputs: ['amazon_queen.py', 'dialogues.py', 'recordings.py', 'steel_sky.py'].map((file) => `${TRAINING}/people/${file}`),
  outputs: ['.made/dialogues.json', '.made/dialogues.i16'],
}

export const RECIPES: Readonly<Record<string, Recipe>> = {
  speech: {
    makes:
      "the acoustic model, lexicon and speech mixture, from Debian's pocketsphinx-en-us and what noise does to synthetic voices",
    out: 'edge-agent/models/speech',
    modules: ['numpy', 'onnx'],
    needs: [
      { path: `${SPHINX}/en-us/mdef`, debianPackage: 'pocketsphinx-en-us' },
      { path: '/usr/bin/flite', debianPackage: 'flite' },
      { path: '/usr/bin/espeak-ng', debianPackage: 'espeak-ng' },
    ],
    steps: [
      {
        title: 'the human-trained base in ONNX, part of the way to where noise takes it (ten minutes)',
        command: [
          '{python}',
          `{root}/${TRAINING}/speech/convert-base.py`,
          '--source',
          SPHINX,
          '--out',
          '{out}',
          '--node',
          process.execPath,
          '--pairs',
          `{root}/dist/${TRAINING}/speech/pairs.js`,
        ],
        inputs: [
          `${TRAINING}/speech`,
          ...['elsewhere.txt', 'other.yaml', 'noises.ts', 'voices.ts'].map((file) => `${TRAINING}/confidence/${file}`),
          `${TRAINING}/language/notes.yaml`,
          `${TRAINING}/walks.ts`,
          'edge-agent/domains/field-service.yaml',
          ...['channel.ts', 'features.ts', 'front-end.ts', 'noise-tracker.ts', 'voice-activity.ts'].map(
            (file) => `edge-agent/speech/${file}`,
          ),
          `${SPHINX}/en-us`,
          `${SPHINX}/cmudict-en-us.dict`,
        ],
        outputs: [
          'acoustic.onnx',
          'golden.json',
          'lexicon.txt.br',
          'mixture.json',
          'phones.json',
          'triphones.bin.br',
        ],
      },
    ],
  },
  confidence: {
    makes: 'what the recogniser\'s evidence is worth as probability, from people and synthetic voices that it hears',
    out: 'edge-agent/models/confidence',
    modules: ['numpy', 'scipy'],
    needs: [
      { path: '/usr/bin/ffmpeg', debianPackage: 'ffmpeg' },
      { path: '/usr/bin/ancient', debianPackage: 'ancient' },
      { path: '/usr/bin/flite', debianPackage: 'flite' },
      { path: '/usr/bin/espeak-ng', debianPackage: 'espeak-ng' },
    ],
    steps: [
      ...EVIDENCE_SEEDS.map(
        (seed): Step => ({
          title: `what is heard of voices, seed ${seed} (ten minutes)`,
          command: ['node', `{root}/dist/${TRAINING}/confidence/collect.js`, UTTERANCES_A_VOICE, String(seed)],
          inputs: HEARD_BY,
          outputs: [evidenceFile(seed)],
          keepsOutput: true,
        }),
      ),
      PEOPLE,
      DIALOGUES,
      {
        title: 'what is heard of people (a quarter of an hour)',
        command: ['node', `{root}/dist/${TRAINING}/confidence/collect-people.js`, '{out}/.made', PEOPLES_UTTERANCES, PEOPLE_SEED],
        inputs: [...HEARD_BY, ...['people.json', 'people.i16', 'dialogues.json', 'dialogues.i16'].map((file) => `{out}/.made/${file}`)],
        outputs: [PEOPLE_FILE],
        keepsOutput: true,
      },
      {
        title: 'what an open microphone hears where nobody speaks to it (ten minutes)',
        command: ['node', `{root}/dist/${TRAINING}/confidence/collect-sounds.js`, MINUTES_A_SOUND, SOUNDS_SEED],
        inputs: HEARD_BY,
        outputs: [SOUNDS_FILE],
        keepsOutput: true,
      },
      {
        title: 'the calibrations, and how they hold on voices that they were not fitted to',
        command: [
          'node',
          `{root}/dist/${TRAINING}/confidence/fit.js`,
          '{out}/calibrations.json',
          `{out}/${SOUNDS_FILE}`,
          ...FITTED_TO,
        ],
        inputs: [
          `${TRAINING}/confidence`,
          'edge-agent/speech/calibration.ts',
          'edge-agent/speech/conclusion.ts',
          `{out}/${SOUNDS_FILE}`,
          ...FITTED_TO,
        ],
        outputs: ['calibrations.json'],
      },
      {
        title: 'what is heard of voices that dictate (half an hour)',
        command: ['node', `{root}/dist/${TRAINING}/confidence/collect-dictation.js`, DICTATED_A_VOICE, DICTATION_SEED],
        inputs: [...HEARD_BY, 'edge-agent/models/dictation/dictation.bin.br'],
        outputs: [DICTATED_FILE],
        keepsOutput: true,
      },
      {
        title: 'the calibration of dictated words, and how it holds on voices that it was not fitted to',
        command: [
          'node',
          `{root}/dist/${TRAINING}/confidence/fit-dictation.js`,
          '{out}/dictation.json',
          `{out}/${DICTATED_FILE}`,
        ],
        inputs: [`${TRAINING}/confidence`, `{out}/${DICTATED_FILE}`],
        outputs: ['dictation.json'],
      },
    ],
  },
  denoiser: {
    makes: 'the denoiser, from recordings of people that Debian packages carry, and the acoustic model that it serves',
    out: 'edge-agent/models/denoiser',
    modules: ['numpy', 'onnx', 'torch'],
    needs: [{ path: '/usr/bin/ffmpeg', debianPackage: 'ffmpeg' }],
    steps: [
      PEOPLE,
      {
        title: 'the net, kept every fifty steps (half an hour)',
        command: [
          '{python}',
          `{root}/${TRAINING}/denoiser/train.py`,
          '--recordings',
          '{out}/.made',
          '--acoustic',
          '{root}/edge-agent/models/speech/acoustic.onnx',
          '--out',
          '{out}',
        ],
        inputs: [
          ...['front_end.py', 'noises.py', 'train.py'].map((file) => `${TRAINING}/denoiser/${file}`),
          'edge-agent/models/speech/acoustic.onnx',
          '{out}/.made/people.json',
        ],
        outputs: ['denoiser.onnx', 'golden.json'],
      },
    ],
  },
  embedding: {
    makes: 'the embedding model that search compares texts by, from WordNet',
    out: 'edge-agent/models/embedding',
    modules: ['numpy', 'onnx', 'torch'],
    needs: [{ path: `${WORDNET}/data.noun`, debianPackage: 'wordnet-base' }],
    steps: [
      {
        title: 'vocabulary and vectors, kept after each epoch',
        command: ['{python}', `{root}/${TRAINING}/embedding/train.py`, '--wordnet', WORDNET, '--out', '{out}'],
        inputs: [`${TRAINING}/embedding`, ...['noun', 'verb', 'adj', 'adv'].map((part) => `${WORDNET}/data.${part}`)],
        outputs: ['embedding.onnx', 'vocab.txt', 'golden.json', 'card.json'],
      },
    ],
  },
  letters: {
    makes: 'the letter-to-sound model, from the words of the lexicon',
    out: 'edge-agent/models/speech',
    modules: [],
    needs: [],
    steps: [
      {
        title: 'letters aligned with phones, and their n-grams',
        command: [
          'node',
          `{root}/dist/${TRAINING}/letters/make.js`,
          '{root}/edge-agent/models/speech/lexicon.txt.br',
          '{out}',
        ],
        inputs: [
          `${TRAINING}/letters`,
          'edge-agent/models/speech/lexicon.txt.br',
          'edge-agent/speech/graphone-model.ts',
          'edge-agent/speech/letter-sounds.ts',
        ],
        outputs: ['letters.bin.br', 'letters-card.json'],
      },
    ],
  },
  language: {
    makes: "the language model of notes and open words, from our grammars and the prose of Debian's perl-doc",
    out: 'edge-agent/models/speech',
    modules: [],
    needs: [
      { path: '/usr/bin/apt-get', debianPackage: 'apt' },
      { path: '/usr/bin/dpkg', debianPackage: 'dpkg' },
    ],
    steps: [
      {
        title: 'general English out of a manual',
        command: ['node', `{root}/dist/${TRAINING}/language/fetch-prose.js`, '{out}/.made/prose.txt'],
        inputs: [`${TRAINING}/language/fetch-prose.ts`, `${TRAINING}/language/pod-text.ts`],
        outputs: ['.made/prose.txt'],
      },
      {
        title: 'the trigrams, and their figures on sentences that were held back',
        command: [
          'node',
          `{root}/dist/${TRAINING}/language/train.js`,
          '{out}/.made/prose.txt',
          '{root}/edge-agent/models/speech',
          '{out}',
        ],
        inputs: [
          `${TRAINING}/language`,
          `${TRAINING}/walks.ts`,
          'edge-agent/domains/field-service.yaml',
          'edge-agent/models/speech/lexicon.txt.br',
        ],
        outputs: ['language.bin.br', 'language-card.json'],
      },
    ],
  },
  dictation: {
    makes: "the language model of dictation, from the general English of Debian's pocketsphinx-en-us and our own of notes",
    out: 'edge-agent/models/dictation',
    modules: [],
    needs: [{ path: `${SPHINX}/en-us.lm.bin`, debianPackage: 'pocketsphinx-en-us' }],
    steps: [
      {
        title: 'the grams that matter most, and the mixture (two minutes)',
        command: [
          'node',
          `{root}/dist/${TRAINING}/language/dictation.js`,
          `${SPHINX}/en-us.lm.bin`,
          '{root}/edge-agent/models/speech',
          '{out}',
        ],
        inputs: [
          ...['dictation.ts', 'listed-words.ts', 'mixing.ts', 'pruning.ts', 'backed-off.ts', 'sphinx-trie.ts'].map(
            (file) => `${TRAINING}/language/${file}`,
          ),
          'edge-agent/models/speech/language.bin.br',
          'edge-agent/models/speech/lexicon.txt.br',
          'edge-agent/speech/language-model.ts',
          `${SPHINX}/en-us.lm.bin`,
        ],
        outputs: ['dictation.bin.br', 'card.json'],
      },
    ],
  },
  intent: {
    makes: 'the intent classifier, from walks through templates and written sentences',
    out: 'edge-agent/models/intent',
    modules: [],
    needs: [],
    steps: [
      {
        title: 'the classifier, and its figures on templates that were held back',
        command: ['node', `{root}/dist/${TRAINING}/intent/make.js`, '{out}'],
        inputs: [
          `${TRAINING}/intent`,
          'edge-agent/domain-build',
          'edge-agent/domains/field-service.yaml',
          'edge-agent/grammar',
          'edge-agent/intent',
        ],
        outputs: ['intent.onnx', 'golden.json', 'card.json'],
      },
    ],
  },
}
