import type { CompletionBody } from '../answers.js';
import type { Asked } from '../chat-request.js';
import type { ModelEntry } from '../models.js';
import { ModelRegistry } from '../models.js';
import type { Payload } from '../payload.js';
import type { RequestRecord } from '../record.js';
import type { FaultResponse, StatusResponse } from '../responses.js';
import { QUIRKS } from './catalog.js';
import type { Downtime, OnEnd, Quirk, QuirkContext, QuirkHooks } from './quirk.js';
import { BadQuirk } from './quirk.js';

interface ActiveQuirk {
  readonly quirk: Quirk;
  /** As it was set: `name[@model][=value]`. */
  readonly text: string;
  /** `name[@model]`: what it replaces and is taken back by. */
  readonly id: string;
  readonly hooks: QuirkHooks;
  isAbout(model: string): boolean;
}

/** What quirks of a network depend on. */
interface NetworkContext {
  readonly seed: string | number;
  readonly models: ModelRegistry;
}

/** Starts the quirk of a text. Throws {@link BadQuirk}. */
function startQuirk(text: string, { seed, models }: NetworkContext): ActiveQuirk {
  const [, id = '', name = '', model, value] = /^(([^@=]*)(?:@([^=]*))?)(?:=([\s\S]*))?$/.exec(text) ?? [];
  const quirk = QUIRKS.find((known) => known.name === name);
  if (quirk === undefined) throw new BadQuirk(`no such quirk: ${name} (there are ${quirkNames().join(', ')})`);
  if (value !== undefined && quirk.value === undefined) throw new BadQuirk(`the quirk ${name} takes no value`);
  const isAbout = (asked: string): boolean => {
    if (model !== undefined) return asked === model;
    return quirk.oneModel !== true || asked === models.list()[0]?.id;
  };
  const has = (asked: string): boolean => models.get(asked) !== undefined;
  const hooks = startHooks(quirk, value, { seed, isAbout, has });
  if (model !== undefined && hooks.refuse === undefined && hooks.answer === undefined && quirk.oneModel !== true) {
    throw new BadQuirk(`the quirk ${name} is not about single models`);
  }
  return { quirk, text, id, hooks, isAbout };
}

function startHooks(quirk: Quirk, value: string | undefined, context: QuirkContext): QuirkHooks {
  try {
    return quirk.start(value, context);
  } catch (error) {
    if (error instanceof BadQuirk) throw new BadQuirk(`the quirk ${quirk.name}: ${error.message}`);
    throw error;
  }
}

function quirkNames(): string[] {
  return QUIRKS.map(({ name }) => name).sort();
}

/** Returns what is wrong with a quirk as it was given, if anything. */
export function quirkProblem(text: string): string | undefined {
  try {
    startQuirk(text, { seed: 1, models: new ModelRegistry([]) });
    return undefined;
  } catch (error) {
    if (error instanceof BadQuirk) return error.message;
    throw error;
  }
}

/** The quirks that a network has now; they may change while it runs. */
export class ActiveQuirks {
  #active: readonly ActiveQuirk[] = [];
  #onChange: () => void = () => {};

  constructor(
    private readonly context: NetworkContext,
    texts: readonly string[],
  ) {
    this.set(texts);
  }

  /** Calls back when a quirk was set or taken back. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  list(): string[] {
    return this.#active.map(({ text }) => text);
  }

  /** Sets quirks, anew if they are there already. */
  set(texts: readonly string[]): void {
    const started = texts.map((text) => startQuirk(text, this.context));
    const byId = new Map([...this.#active, ...started].map((active) => [active.id, active]));
    const all = [...byId.values()];
    this.#active = QUIRKS.flatMap((quirk) => all.filter((active) => active.quirk === quirk));
    this.#onChange();
  }

  /** Takes back the quirks of a name or a `name@model`, or all. */
  remove(name?: string): void {
    this.#active = this.#active.filter(({ quirk, id }) => name !== undefined && quirk.name !== name && id !== name);
    this.#onChange();
  }

  downtime(): Downtime | undefined {
    return this.#active.find(({ hooks }) => hooks.downtime !== undefined)?.hooks.downtime;
  }

  path(path: string): string | StatusResponse {
    for (const { hooks } of this.#active) {
      const mapped = hooks.path?.(path);
      if (mapped !== undefined) return mapped;
    }
    return path;
  }

  account(page: 'models' | 'balance', headers: Asked['headers']): StatusResponse | undefined {
    for (const { hooks } of this.#active) {
      const refused = hooks.account?.(page, headers);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  entries(entries: readonly ModelEntry[]): readonly ModelEntry[] {
    return this.#active.reduce((list, { hooks }) => hooks.list?.(list) ?? list, entries);
  }

  async refuse(asked: Asked, record: RequestRecord, onEnd: OnEnd): Promise<FaultResponse | undefined> {
    for (const { quirk, hooks, isAbout } of this.#active) {
      const refused = isAbout(asked.request.model) ? await hooks.refuse?.(asked, onEnd) : undefined;
      if (refused === undefined) continue;
      note(record, quirk);
      return refused;
    }
    return undefined;
  }

  answer(given: CompletionBody, asked: Asked, record: RequestRecord): CompletionBody {
    let body = given;
    for (const { quirk, hooks, isAbout } of this.#active) {
      if (!isAbout(asked.request.model)) continue;
      const changed = hooks.answer?.(body, asked) ?? body;
      if (changed !== body) note(record, quirk);
      body = changed;
    }
    return body;
  }

  write(payload: Payload): Payload {
    return this.#active.reduce((written, { hooks }) => hooks.write?.(written) ?? written, payload);
  }

  topUp(answers: number): void {
    for (const { hooks } of this.#active) hooks.topUp?.(answers);
  }
}

function note(record: RequestRecord, { name }: Quirk): void {
  record.quirks = [...(record.quirks ?? []), name];
}
