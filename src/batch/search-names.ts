import type { RunState } from './progress.js';
import type { BatchInput } from './run.js';

/** Names of the search attributes that a run may set, all of type Keyword. */
export const SEARCH_ATTRIBUTES = { state: 'DriaState', model: 'DriaModel', endpoint: 'DriaEndpoint' } as const;

/** The value of the model's attribute for a run that chooses among all models. */
export const ANY_MODEL = 'any';

/** What is indexed of a run. */
export interface Indexed {
  readonly state: RunState;
  /** The only model that is asked. */
  readonly model?: string | undefined;
}

/** A search attribute as the SDK takes it. */
export interface IndexedPair {
  readonly key: { readonly name: string; readonly type: 'KEYWORD' };
  readonly value: string;
}

/** Returns the search attributes of a run; none unless its input asks for them. */
export function indexedPairs({ searchAttributes, endpoint }: BatchInput, { state, model }: Indexed): IndexedPair[] {
  if (searchAttributes !== true) return [];
  return [
    pair(SEARCH_ATTRIBUTES.state, state),
    pair(SEARCH_ATTRIBUTES.model, model ?? ANY_MODEL),
    ...(endpoint === undefined ? [] : [pair(SEARCH_ATTRIBUTES.endpoint, endpoint)]),
  ];
}

function pair(name: string, value: string): IndexedPair {
  return { key: { name, type: 'KEYWORD' }, value };
}
