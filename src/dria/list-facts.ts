import type { ApiName } from '../batch/api.js';
import type { Modality } from '../batch/modality.js';
import { modalityByName } from '../batch/model-modality.js';
import { canBeAsked } from './chat-models.js';
import { isObject } from './json.js';
import { countEntries, listEntries, modalityIn, nodesIn } from './models.js';

/** What a models list tells beside the models that can be asked now. */
export interface ListFacts {
  /** Entries of the list, also those beyond {@link MAX_ENTRIES}, which are not read. */
  readonly entries: number;
  /** All ids of the list, those without nodes included. */
  readonly ids: readonly string[];
  /** Of these the models that can be asked. */
  readonly ableIds: readonly string[];
  /** Whether any entry has a node count. */
  readonly hasNodes: boolean;
  /** What some model of the list takes; undefined unless that is known of every model. */
  readonly takes: ReadonlySet<Modality> | undefined;
}

/** Returns the facts of a models list; no facts for a body that is none. */
export function listFacts(body: unknown, api: ApiName = 'chat'): ListFacts {
  const listed = listEntries(body);
  const entries = listed
    .filter((entry) => canBeAsked(api, entry.id, entry))
    .map((entry) => {
      const metadata = isObject(entry.metadata) ? entry.metadata : {};
      return {
        id: entry.id,
        nodes: nodesIn(entry) ?? nodesIn(metadata),
        modality: modalityIn(entry) ?? modalityIn(metadata) ?? modalityByName(entry.id),
      };
    });
  const known = entries.flatMap(({ modality }) => (modality === undefined ? [] : [modality]));
  const areAllKnown = entries.length > 0 && known.length === entries.length;
  return {
    entries: countEntries(body),
    ids: idsOf(listed),
    ableIds: idsOf(entries),
    hasNodes: entries.some(({ nodes }) => nodes !== undefined),
    // Any model takes text.
    takes: areAllKnown ? new Set<Modality>(['text', ...known]) : undefined,
  };
}

function idsOf(entries: readonly { readonly id: string }[]): string[] {
  return [...new Set(entries.map(({ id }) => id))];
}
