import { count } from '../words.js';
import { byId, make } from './dom.js';
import type { Filter, RowStore } from './row-store.js';

/** Values of the choice of status that are no kind of failure. */
const [OK, FAILED, CUT, KIND] = ['ok', 'failed', 'cut', 'kind:'] as const;

/** The fields above the table. */
export class Filters {
  private readonly form = byId('filters', HTMLFormElement);
  private readonly search = byId('search', HTMLInputElement);
  private readonly status = byId('status', HTMLSelectElement);
  private readonly model = byId('model', HTMLSelectElement);
  private readonly found = byId('found', HTMLOutputElement);

  constructor(onChange: () => void) {
    this.form.addEventListener('submit', (event) => event.preventDefault());
    let timer = 0;
    this.form.addEventListener('input', () => {
      clearTimeout(timer);
      timer = window.setTimeout(onChange, 60);
    });
    this.fill(undefined);
    this.form.hidden = false;
  }

  get filter(): Filter {
    const { value } = this.status;
    return {
      text: this.search.value.trim(),
      model: this.model.value === '' ? undefined : this.model.value,
      ...(value.startsWith(KIND) ? { kind: value.slice(KIND.length) } : {}),
      ...(value === OK || value === FAILED || value === CUT ? { status: value } : {}),
    };
  }

  /** Shows only the failures of a kind. */
  chooseKind(kind: string): void {
    this.search.value = '';
    this.model.value = '';
    this.status.value = KIND + kind;
  }

  /** Fills the choices with what the rows have; what is chosen stays. */
  fill(store: RowStore | undefined): void {
    const { models = new Map<string, number>(), kinds = new Map<string, number>(), cut = 0 } = store?.tally() ?? {};
    const [status, model] = [this.status.value, this.model.value];
    const failures = [...kinds].sort(([, a], [, b]) => b - a);
    this.status.replaceChildren(
      option('', 'All'),
      option(OK, 'Answered'),
      ...(cut === 0 ? [] : [option(CUT, `Cut (${count(cut)})`)]),
      option(FAILED, 'Failed'),
      ...failures.map(([kind, rows]) => option(KIND + kind, `Failed: ${kind} (${count(rows)})`)),
    );
    const names = [...models].sort(([a], [b]) => (a < b ? -1 : 1));
    this.model.replaceChildren(
      option('', 'All'),
      ...names.map(([name, rows]) => option(name, `${name} (${count(rows)})`)),
    );
    this.status.value = status;
    this.model.value = model;
  }

  /** Says how many rows are shown. */
  say(words: string): void {
    if (this.found.textContent !== words) this.found.textContent = words;
  }
}

function option(value: string, text: string): HTMLOptionElement {
  const element = make('option', { text });
  element.value = value;
  return element;
}
