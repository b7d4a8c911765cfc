import type { Modality } from './modality.js';

/** Models of Dria's network, from its nodes' registry. Tags such as `9b` are part of the id. */
const KNOWN_MODELS: ReadonlyMap<string, Modality> = new Map<string, Modality>([
  ['lfm2.5:1.2b', 'text'],
  ['lfm2:24b-a2b', 'text'],
  ['nanbeige:3b', 'text'],
  ['locooperator:4b', 'text'],
  ['nemotron:30b-a3b', 'text'],
  ['qwen3.5:0.8b', 'vision'],
  ['qwen3.5:2b', 'vision'],
  ['qwen3.5:9b', 'vision'],
  ['qwen3.5:27b', 'vision'],
  ['qwen3.5:35b-a3b', 'vision'],
  ['lfm2.5-vl:1.6b', 'vision'],
  ['lfm2.5-audio:1.5b', 'audio'],
]);

/** Words of a model's name that tell its modality, as whole words between punctuation or digits. */
const NAME_RULES: readonly (readonly [RegExp, Modality])[] = [
  [/(^|[^a-z])(audio|speech|voice|whisper|voxtral|asr)([^a-z]|$)/, 'audio'],
  [
    /(^|[^a-z])(vl|vlm|vision|visual|multimodal|omni|llava|bakllava|pixtral|moondream|internvl|smolvlm)([^a-z]|$)/,
    'vision',
  ],
  [/(^|[^a-z])qwen3\.5([^a-z0-9]|$)/, 'vision'],
];

/** What a model takes, judged by its id alone: the table of known models, else words in its name, else text. */
export function modalityOfModel(id: string): Modality {
  return modalityByName(id) ?? 'text';
}

/** What a model takes by the table of known models, else by words in its name; undefined when neither tells. */
export function modalityByName(id: string): Modality | undefined {
  const name = id.toLowerCase();
  return knownModality(name) ?? NAME_RULES.find(([rule]) => rule.test(name))?.[1];
}

/** True for a model of Dria's network. */
export function isKnownModel(id: string): boolean {
  return knownModality(id.toLowerCase()) !== undefined;
}

function knownModality(name: string): Modality | undefined {
  return KNOWN_MODELS.get(name) ?? KNOWN_MODELS.get(name.slice(name.lastIndexOf('/') + 1));
}
