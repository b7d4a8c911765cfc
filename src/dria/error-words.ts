import type { RequestField } from './request-profile.js';

// The words by which real endpoints say what is wrong. All texts are in lower case when they come here.

/** A 404 by a server that has no such path, as web frameworks and ingresses say it. */
export const NO_ROUTE =
  /^\s*(not found|404( page)? not found|404|page not found|resource not found|no message available)\W*$|default backend|cannot (post|get) \/|(route|path|url|page|resource)\b[^.]{0,60}\b(not found|does not exist|no route)|no route|unknown (request )?url|invalid url \(|no static resource/m;

/** Money or a quota that no waiting of minutes brings back. */
export const MONEY =
  /insufficient[ _-](quota|credits?|funds|(account )?balance|usd)|billing_(hard_limit|not_active)|billing hard limit|(check|update) your billing|credit balance is too low|(out of|no|not enough|requires more|add more) credits|credits? (are|is|have been|has been) (depleted|exhausted|used up)|used all (of )?(your |the )?(available|monthly|included) credits|spending (limit|cap)|key limit exceeded|(budget|monthly limit) (has been |was )?exceeded|exceeded[^.]{0,40}(budget|monthly included credits)|payment required|overdue payment|in arrears|account is in good standing|account is not active|free (tier|quota)[^.]{0,40}(exhausted|used up)|recharge|not_enough_balance|余额不足|欠费|配额不足|充值/;

/** The same as the name of an error. */
export const MONEY_CODES =
  /^(insufficient_.*(quota|balance|credits?|funds)|billing_.*|budget_exceeded|arrearage|exceeded_current_quota.*|not_enough_balance|creditserror|payment_required|.*freetieronly)$/;

/** A quota of the plan or of the day. */
export const QUOTA =
  /exceeded (your|the) (current|monthly|daily) (quota|limit)|per[- _]?day\b|\(tpd\)|\(rpd\)|daily (limit|quota)|quota (has been )?exhausted/;

/** Google names the quota in the body, and beside it a wait of seconds that will not help. */
export const GOOGLE_DAILY = /requestsperday|tokensperday|perdayper/;

/** An item that is larger than the whole limit. */
export const TOO_LARGE = /request too large|must be reduced in order to run/;

/** The key is wrong, though the status is not a 401. A LiteLLM proxy without a database says of a wrong key that it has none. */
export const BAD_KEY =
  /(invalid|incorrect|expired|missing|no|unknown|revoked|disabled) (api[ -_]?key|x-api-key|authentication|credentials|authorization)|api[ -_]?key( \S+){0,3} (not valid|invalid|incorrect|expired|missing|disabled|revoked|not found|required)|api_key_invalid|invalid_api_key|authentication (failed|required|fails)|no connected db/;

/** A file that the endpoint was to fetch: a 404 or a missing login is then of where the file is. */
export const ABOUT_A_LINK =
  /\b(download\w*|fetch\w*|image|audio|file|attachment|link|remote|media)\b|image_url|audio_url/;

/** The whole account is not served. */
export const REGION =
  /unsupported_country|country, region,? or territory not supported|(your|user) (country|region|location) is not supported/;

/** A refusal of what the item says. */
export const MODERATION =
  /moderation|content[ _]?(filter|policy|management)|content_policy|flagged|responsibleai|safety (system|filter|settings?|guidelines|policy)|usage polic|acceptable use|inappropriate content|data_inspection_failed|sensitive (content|words?)|prohibited[ _]content|violat(es|ing|ion of) (our|the|openai|usage)/;

/** This key may not use this model, though it is a good key. */
export const NO_ACCESS_TO_MODEL =
  /not allowed to (generate embeddings|sample) from this model|(not allowed|no access|not have access|not authorized|not permitted)[^.]{0,20} to (access |use |call )?(the |this )?model|key_model_access_denied|access to (the |this )?model[^.]{0,60}denied|access denied[^.]{0,20} to model/;

/** The target is not there: the name of a model and what is wrong with it, next to each other; or the name of the error. */
export const NO_SUCH_MODEL =
  /\bmodels?\b[\s:/]*["'`]?[^\s"'`]*["'`]?,?\s+(not found|(does|do) ?n[o']t exist|not exist\b|was not found|is(n't| not) (found|available|a valid model|served|deployed|accessible)|has been (decommissioned|deprecated|retired|removed|shut down)|is (deprecated|decommissioned|retired|no longer (available|supported))|try pulling)|model[_ ]not[_ ](found|available|exist|supported)|no such model|(unknown|invalid|unrecognized|unsupported) model\b(?! (input|output|param|type|config|option))|invalid model (name|id)|invalid_model|not a valid model|model (identifier|id|name) is (invalid|not valid|unknown)|\bthe \S+ model is not supported|function '[^']*': not found for account|no endpoints found for|unable to access (non-serverless )?model|model_decommissioned|deploymentnotfound|deployment for this resource does not exist|no (healthy )?(deployments?|instances?|providers?) (available |found )?for (this |the )?model|there are no healthy deployments/;

/** The target is there, but answers no chats, or not what else it was asked by. */
export const NOT_A_CHAT_MODEL =
  /not a chat model|not supported in the v1\/chat\/completions|embedding models? do(es)? not support|is an? (embedding|re-?rank\w*|speech|image|moderation) model|does ?n[o']t support (the )?chat\b|does ?n[o']t support (the )?(chat[ /_.]?completions?|generate\b|completions?\b)|chat[ ]?completions? operation does not work|not supported for (chat|generatecontent)|chat[ _]completions? (is|are) not supported|use the \S*embeddings? endpoint|does ?n[o']t support (the )?(embeddings?|responses)( api)?\b|not an? embeddings? model|not supported in the v1\/(completions|responses|embeddings)/;

/** A failure behind a router, which it answers with a 400. */
export const UPSTREAM = /^upstream (request|connect|error|service)/;

/** The prompt, or the prompt and the answer, are longer than the model takes. */
export const CONTEXT_LENGTH =
  /context[_ ](length|window|size)|maximum (context|input|prompt|sequence)|max_model_len|too many (input )?tokens|(prompt|input|request|message) (is|was) too (long|large)|reduce the length|exceed_context_size|inputs?`? tokens? ?\+|tokens exceed|exceeds? the (maximum|max|available) (number of )?(tokens|length)|input length|string too long|string_above_max_length|max_(completion_)?tokens\S* is too large/;

/** Groq's and others' check of a structured answer. */
export const INVALID_JSON = /json_validate_failed|failed to (generate|validate) json|generated json does not match/;

/** The answer did not fit. */
export const CUT_OFF = /max(imum)?[ _](completion[ _])?tokens|output limit was reached|before generating a valid/;

const SUBJECT =
  /\b(images?|image_url|input_image|vision|visual|pictures?|photos?|audio|input_audio|audio_url|sounds?|speech|modalit(y|ies)|multi-?modal(ity)?|mmproj|pdfs?|documents?|input_file|files?['"`]? (input|content|part|type|attachment|upload)s?)\b|\btype:? ['"`]?file\b|['"`]file['"`]/;

const NOT_TAKEN =
  /(\bnot\b|n't\b|cannot\b|\bno\b|\bun)\W?(\w+\W+){0,3}?(support|accept|enabl|available|capab|allow|compiled|configured|take|handle|process(es)? (image|audio|picture)s\b|understand|see )|only (be )?supported by (certain|some)/;

const NOT_THAT_KIND =
  /(not|n't) an? (\w+[ -])?(vision|multi-?modal|image|audio|vl)\b[^.]{0,20}model|no vision|not multi-?modal|not vision/;

const NO_PLACE_FOR_PARTS =
  /unknown variant `?(image_url|input_audio|audio_url|file)\b|(invalid (content )?(value|type)|unknown (content )?part type|unsupported (chat )?content (part )?type):? ['"`]?(file|image_url|input_audio|audio_url)\b|input tag ['"`](file|image_url|input_audio)['"`]|expected `?text`?|content must be a string|invalid type: (sequence|array), expected a string|untagged enum chatcompletionrequest|missing data required for (image|audio)|no endpoints found that support|at most 0 (image|audio|video)|provide the mmproj|projector|text[- ]only|only (supports?|accepts?|takes?|handles?|process(es)?) text|only text/;

const ABOUT_THE_FILE =
  /format|mime|media type|codec|resolution|dimension|pixel|corrupt|malformed|truncat|decod|base64|download|fetch|(image|audio|file|picture) (type|size)|too (large|big|long|many|small)|exceed|(more|larger|longer|bigger) than|at most [1-9]|(only|to) (\d+|one) (image|audio)|(remote|external|http|https|public) (image )?urls?|image types are|access(ing)? (to )?(the |this )?(image|audio|file)|(the|this|your|provided|uploaded|given) (image|audio|picture|photo|sound)\b(?! (input|modality))|unsupported image\b(?! (input|modality|content))|extension/;

/**
 * Returns whether the words say that the target takes no images, sounds or files, and not that this file is a bad one: the
 * first keeps it from every item of the modality, so it needs positive words.
 */
export function refusesModality(text: string): boolean {
  if (NO_PLACE_FOR_PARTS.test(text)) return true;
  if (!SUBJECT.test(text)) return false;
  if (NOT_THAT_KIND.test(text)) return true;
  return NOT_TAKEN.test(text) && !ABOUT_THE_FILE.test(text);
}

const NOT_WANTED =
  /unknown|unrecogni[sz]ed|unsupported|\bnot (be |currently |yet )?(supported|permitted|allowed|recogni[sz]ed|accepted|available|compatible)|(does|do|is|are|was)(n't| not) (support|accept|allow|permit|recogni[sz]e|take)|extra_forbidden|extra (inputs?|fields?|parameters?)|unexpected|cannot find field|deprecated|additional propert|no such (field|parameter)|invalid (argument|parameter|field)s?:|only (the )?(default|1\b)|(must|should|needs to) be (left out|omitted|removed|unset)|please remove|cannot (set|use|specify|be (set|used|specified))|remove (the )?\S{1,20} and|unavailable/;

/** A value that is out of range is the user's to change; another name for the field would not help. */
const OUT_OF_RANGE =
  /too (large|high|big|long|small|low)|exceed|at (most|least)|less than|greater than|between|maximum (value|allowed|of|is)|<=|>=|≤|range/;

const ABOUT_THE_SCHEMA =
  /response[_ ]?format|\btext[._]format|response_?schema|response_?mime|json[_ ]?(schema|mode|object)|structured[_ ]outputs?|output_config|\bgrammar\b|\bstrict\b|additional_?properties|\bschemas?\b|guided_|requested parameters/;

const SCHEMA_TROUBLE =
  /invalid|must|fail|error|too (many|large|complex|deep)|require|missing|\bnot\b|n't|un(supported|known|recogni|avail|expected)|no endpoints/;

/** The role of a system message: chat templates of some models have no place for it. */
const ABOUT_SYSTEM =
  /\b(system|developer)[ _]?(role|message|prompt|instruction)s?\b|\brole\b[^.]{0,40}\bsystem\b|\bsystem\b[^.]{0,20}\brole\b/;

/** Returns whether the words, or the fields that the error names, refuse a field of the request as such. */
export function refusesField(text: string, named: readonly string[], field: RequestField): boolean {
  if (field === 'system') return ABOUT_SYSTEM.test(text) && (NOT_WANTED.test(text) || NOT_TAKEN.test(text));
  if (field === 'response_format') return ABOUT_THE_SCHEMA.test(text) && SCHEMA_TROUBLE.test(text);
  const isNamed = named.some((name) => name === field || name.startsWith(`${field}.`)) || asWord(field).test(text);
  if (!isNamed || !NOT_WANTED.test(text)) return false;
  return !OUT_OF_RANGE.test(text) || /unsupported (parameter|value)|extra_forbidden/.test(text);
}

const patterns = new Map<string, RegExp>();

function asWord(field: string): RegExp {
  const known = patterns.get(field);
  if (known !== undefined) return known;
  const pattern = new RegExp(`(^|[^a-z0-9_])${field.replaceAll('_', '_?')}($|[^a-z0-9_])`);
  patterns.set(field, pattern);
  return pattern;
}
