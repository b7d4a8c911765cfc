import type { ApiName } from '../batch/api.js';
import { isObject, type JsonObject } from './json.js';

/** Words of a type, task or mode that no chat model has. */
const OTHER_TYPE =
  /embed|re-?rank|moderation|transcri|text[-_ ]to[-_ ](speech|image|video|audio)|speech|\btts\b|\bstt\b|\basr\b|image[-_ ]?(gen|edit|to[-_ ]image)|^image$|^video$|video[-_ ]gen|diffusion|classif|similarity|feature[-_ ]extraction/i;

/** Words of a type that says that a model chats. */
const CHAT_TYPE =
  /chat|llm|vlm|language|text[-_ ]generation|image[-_ ]text[-_ ]to[-_ ]text|completion|generate|responses/i;

/** Families of models that chat about nothing, as whole words of a name. */
const OTHER_NAME =
  /(^|[^a-z])(embed(ding)?s?|embeddinggemma|(text|nomic|mxbai|snowflake-arctic|jina)-?embed\w*|bge|gte|e5|minilm|re-?rank(er|ing)?|colbert|whisper|tts|stt|asr|transcribe|parakeet|kokoro|orpheus|sonic|davinci-002|babbage-002|gpt-3\.5-turbo-instruct|moderation|dall-?e|gpt-image|stable-?diffusion|sdxl|flux|imagen|sora|veo|midjourney|seedream|llama-?guard|shieldgemma|prompt-?guard)([^a-z]|$)/;

/** Fields that say what a model is for. */
const TYPE_FIELDS = ['type', 'task', 'mode', 'model_type', 'pipeline_tag', 'kind'];

/** Words of a type of models that make vectors of texts. */
const EMBEDDING_TYPE = /embed|similarity|feature[-_ ]extraction/i;

/** Families of models that make vectors of texts, as whole words of a name. */
const EMBEDDING_NAME =
  /(^|[^a-z])(embed(ding)?s?|embeddinggemma|(text|nomic|mxbai|snowflake-arctic|jina)-?embed\w*|bge|gte|e5|minilm|colbert)([^a-z]|$)/;

/** Models of plain completions alone. */
const COMPLETION_NAME = /(^|[^a-z])(davinci-002|babbage-002|gpt-3\.5-turbo-instruct)([^a-z]|$)/;

/** Returns whether a listed model can be asked so, by its type if the list has one, else by its name. */
export function canBeAsked(api: ApiName, id: string, fields: JsonObject): boolean {
  if (api === 'embeddings') return canEmbed(id, fields);
  return canChat(id, fields) || (api === 'completions' && COMPLETION_NAME.test(id.toLowerCase()));
}

function canEmbed(id: string, fields: JsonObject): boolean {
  const named = typesOf(fields);
  if (named.length > 0 && named.some((type) => EMBEDDING_TYPE.test(type))) return true;
  const name = id.toLowerCase();
  return EMBEDDING_NAME.test(name) && !/re-?rank/.test(name);
}

/** Returns whether a listed model can chat, by its type if the list has one, else by its name. */
export function canChat(id: string, fields: JsonObject): boolean {
  const metadata = isObject(fields.metadata) ? fields.metadata : {};
  const named = typesOf(fields);
  if (named.some((type) => CHAT_TYPE.test(type))) return true;
  if (named.some((type) => OTHER_TYPE.test(type))) return false;
  const says = capabilities(fields) ?? capabilities(metadata);
  return says ?? !OTHER_NAME.test(id.toLowerCase());
}

/** What an entry says that it is for. */
function typesOf(fields: JsonObject): string[] {
  const metadata = isObject(fields.metadata) ? fields.metadata : {};
  const types = [fields, metadata].flatMap((entry) => TYPE_FIELDS.map((name) => entry[name]));
  return types.filter((type): type is string => typeof type === 'string' && type !== 'model');
}

/** What a list of capabilities, or of flags, says of chats; undefined if it says nothing of them. */
function capabilities({ capabilities: value, architecture }: JsonObject): boolean | undefined {
  if (isObject(architecture) && Array.isArray(architecture.output_modalities)) {
    if (!architecture.output_modalities.includes('text')) return false;
  }
  if (Array.isArray(value)) {
    const names = value.filter((name): name is string => typeof name === 'string');
    if (names.some((name) => CHAT_TYPE.test(name))) return true;
    return names.length > 0 && names.every((name) => OTHER_TYPE.test(name)) ? false : undefined;
  }
  if (!isObject(value)) return undefined;
  const flags = [value.completion_chat, value.chat, value.chat_completion, value.completion];
  return flags.find((flag): flag is boolean => typeof flag === 'boolean');
}
