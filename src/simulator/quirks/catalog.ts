import * as answers from './answers.js';
import { needsCorrection } from './correction.js';
import * as items from './items.js';
import { noJsonSchema } from './json-schema.js';
import * as limits from './limits.js';
import * as models from './models.js';
import { prefixCache } from './prefix-cache.js';
import type { Quirk } from './quirk.js';
import * as requests from './requests.js';
import * as wire from './wire.js';
import { words } from './words.js';

/**
 * All quirks. Their order is that in which they act on a request and on its answer, whatever the order in which they
 * were set: an answer is changed before it becomes an event stream, and compressed last.
 */
export const QUIRKS: readonly Quirk[] = [
  limits.away,
  wire.prefix,
  requests.wantsHeader,
  limits.restrictedKey,
  limits.noBalance,
  models.unlistedModel,
  models.nonChatModels,
  models.noNodeCounts,
  limits.loading,
  limits.longRetryAfter,
  models.limitedModel,
  models.brokenModel,
  requests.sameRefusal,
  requests.strictFields,
  requests.reasoningModel,
  noJsonSchema,
  requests.noImages,
  requests.noFiles,
  items.badPicture,
  items.moderation,
  items.longErrors,
  items.passingRefusals,
  limits.quota,
  answers.bigNumbers,
  answers.oddCharacters,
  needsCorrection,
  answers.thinking,
  answers.emptyAnswer,
  answers.filtered,
  answers.cut,
  prefixCache,
  answers.noUsage,
  answers.hugeUsage,
  words,
  wire.eventStream,
  wire.byteOrderMark,
  wire.encoded,
];
