import { expect } from 'vitest';
import type { PackFailureType, PackResult } from '../../src/batch/activity-contract.js';
import { addRunning, applyReport, type BatchState, endChunk, startBatch } from '../../src/batch/batch-state.js';
import type { ChunkOrders, ChunkReport } from '../../src/batch/chunk-messages.js';
import { reportOf } from '../../src/batch/chunk-report.js';
import {
  type ChunkState,
  cutPack,
  nothingOpen,
  type Pack,
  reserveOf,
  startChunk,
  targetsFor,
} from '../../src/batch/chunk-state.js';
import { type Counts, countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { dividedOf } from '../../src/batch/item-groups.js';
import { decodeItems, encodeItems } from '../../src/batch/item-ranges.js';
import { countLayout } from '../../src/batch/layout.js';
import type { ChunkManifest } from '../../src/batch/manifest.js';
import { addModalities, type Modality, sumOfModalities } from '../../src/batch/modality.js';
import type { Model } from '../../src/batch/models.js';
import { countOpen, dueBy, nextRetryAt, type OpenItems } from '../../src/batch/open-items.js';
import type { WorkflowOptions } from '../../src/batch/options.js';
import { grantTo, ordersFor, planPermits } from '../../src/batch/permits.js';
import {
  findHopeless,
  findWaiting,
  type HopelessItems,
  losePack,
  settleFailure,
  settleHopeless,
  settlePack,
  waitOf,
  withdrawPack,
} from '../../src/batch/settle-pack.js';
import { adoptTargets, applyList, isUp, type Target, withNamed } from '../../src/batch/targets.js';

/** What one request for an item comes to. `again`: it failed and may be asked again. */
export type Outcome = 'ok' | 'failed' | 'again' | 'refused';

/** How a pack ends. `withdrawn` and `lost`: without a result. `handedBack`: with one, and before all items were asked. */
export type PackEnding = 'done' | 'handedBack' | 'withdrawn' | 'lost' | PackFailureType;

/** A run and what its endpoints are like. */
export interface World {
  readonly chunks: readonly ChunkManifest[];
  readonly list: readonly Model[];
  readonly options: WorkflowOptions;
  readonly outcome: (item: number, pack: Pack) => Outcome;
  readonly ending: (pack: Pack) => PackEnding;
  /** How long a target asks to wait if it is down, ms. */
  readonly waitMs?: number;
  /** A new models list, if there is one now. */
  readonly nextList?: () => readonly Model[] | undefined;
  /** Returns a whole number below `below`. */
  readonly draw: (below: number) => number;
}

/** How an item ended. */
export interface Ended {
  readonly target: string;
  /** The model that it names. */
  readonly model: string | undefined;
  readonly modality: Modality;
  readonly isOk: boolean;
}

/** How a whole run went. */
export interface RunLife {
  readonly ended: ReadonlyMap<number, Ended>;
  readonly state: BatchState;
  /** Items that were asked although their outcome was recorded. */
  readonly askedTwice: readonly number[];
  readonly packs: readonly Pack[];
  /** How long it took, ms. */
  readonly took: number;
  /** Largest number of permits that packs held at the same time. */
  readonly maxInFlight: number;
}

/** Lives end long before; one that does not has a loop in it. */
const MAX_STEPS = 100_000;

const FIRST_MS = 1_000_000;

interface LivingChunk {
  readonly manifest: ChunkManifest;
  state: ChunkState;
  orders: ChunkOrders;
  readonly running: Set<Pack>;
  /** Orders on their way to it, and reports on their way to the parent, oldest first. */
  readonly inbox: ChunkOrders[];
  readonly outbox: ChunkReport[];
  sent: string;
}

/** Lives through a run as its workflows do, with the rules alone: no activities, messages that take their time. */
export class LivingRun {
  private now = FIRST_MS;
  private state: BatchState;
  private readonly chunks = new Map<number, LivingChunk>();
  private readonly recorded = new Map<number, Ended>();
  private readonly askedTwice: number[] = [];
  private readonly packs: Pack[] = [];
  private maxInFlight = 0;

  constructor(private readonly world: World) {
    const { chunks, options, list } = world;
    const modalities = chunks
      .map(({ layout }) => countLayout(layout).asked)
      .reduce(addModalities, { text: 0, vision: 0, audio: 0 });
    const items = sumOfModalities(modalities);
    const models = [...new Set(chunks.flatMap((chunk) => chunk.models?.names ?? []))];
    const manifest = { items, modalities, invalid: 0, reused: 0, chunks: chunks.length, models };
    const targets = applyList(withNamed([], models), list);
    this.state = startBatch({ options, manifest }, { targets, now: FIRST_MS });
  }

  live(): RunLife {
    for (let step = 0; this.state.doneChunks < this.world.chunks.length; step++) {
      if (step > MAX_STEPS) throw new Error('the run does not come to an end');
      this.parentStep();
      for (const chunk of this.chunks.values()) this.chunkStep(chunk);
      this.endOnePack();
    }
    const { recorded: ended, state, askedTwice, packs, maxInFlight } = this;
    return { ended, state, askedTwice, packs, maxInFlight, took: this.now - FIRST_MS };
  }

  private parentStep(): void {
    for (const { outbox } of this.chunks.values()) {
      const [report] = outbox;
      if (report === undefined || this.world.draw(3) === 0) continue;
      // Now and then a report arrives twice.
      if (this.world.draw(5) > 0) outbox.shift();
      this.state = applyReport(this.state, report);
    }
    const list = this.world.nextList?.();
    if (list !== undefined) {
      this.state = { ...this.state, targets: applyList(this.state.targets, list) };
      for (const chunk of this.chunks.keys()) this.sendOrders(chunk);
    }
    this.grant();
  }

  private grant(): void {
    const next = this.world.chunks.slice(this.state.nextChunk);
    const plan = planPermits(this.state, next.map(itemsOf));
    for (const { chunk, permits } of plan.grants) {
      this.state = grantTo(this.state, chunk, permits);
      this.sendOrders(chunk);
    }
    for (const [position, permits] of plan.starts.entries()) {
      const manifest = next[position];
      if (manifest !== undefined) this.start(manifest, permits);
    }
  }

  private start(manifest: ChunkManifest, permits: number): void {
    const { offset } = this.state;
    const moved = {
      ...this.state,
      nextChunk: manifest.chunk + 1,
      offset: addModalities(offset, dividedOf(manifest)),
    };
    this.state = addRunning(moved, { manifest, offset, permits, open: itemsOf(manifest) });
    const orders = ordersFor(this.state, manifest.chunk);
    if (orders === undefined) throw new Error('a running chunk has no orders');
    const state = startChunk({ chunk: manifest, offset, targets: orders.targets });
    const chunk = { manifest, state, orders, running: new Set<Pack>(), inbox: [], outbox: [], sent: '' };
    this.chunks.set(manifest.chunk, chunk);
  }

  private sendOrders(number: number): void {
    const orders = ordersFor(this.state, number);
    if (orders !== undefined) this.chunks.get(number)?.inbox.push(orders);
  }

  private chunkStep(chunk: LivingChunk): void {
    const [orders] = chunk.inbox;
    if (orders !== undefined && this.world.draw(3) > 0) {
      chunk.inbox.shift();
      chunk.orders = orders;
      chunk.state = { ...chunk.state, targets: adoptTargets(chunk.state.targets, orders.targets) };
    }
    this.failItems(chunk, findHopeless(chunk.state));
    this.launch(chunk);
    this.wait(chunk);
    if (chunk.running.size === 0 && nothingOpen(chunk.state)) {
      this.chunks.delete(chunk.manifest.chunk);
      this.state = endChunk(this.state, chunk.manifest.chunk, { counts: chunk.state.counts });
      return;
    }
    const inFlight = permitsOf(chunk);
    const due = dueBy(chunk.state.open, this.now);
    const ready = countOpen(due.filter((group) => targetsFor(chunk.state, group, this.now).length > 0));
    const kept = inFlight + Math.min(Math.max(0, this.free(chunk)), ready);
    chunk.state = { ...chunk.state, returned: Math.max(chunk.state.returned, chunk.orders.granted - kept) };
    const report = reportOf(chunk.manifest.chunk, chunk.state, chunk.orders, { inFlight, ready });
    const text = JSON.stringify(report);
    if (text !== chunk.sent) chunk.outbox.push(report);
    chunk.sent = text;
  }

  private free({ orders, state, running }: LivingChunk): number {
    return orders.granted - state.returned - permitsOf({ running });
  }

  private launch(chunk: LivingChunk): void {
    const { options } = this.world;
    const reserve = reserveOf(this.free(chunk), options.concurrency);
    for (let free = this.free(chunk); free > 0; free = this.free(chunk)) {
      const { tokensPerItem } = chunk.orders;
      const permits = free + permitsOf(chunk);
      const before = chunk.state;
      const context = { options, free, permits, reserve, tokensPerItem, now: this.now };
      const { pack, state } = cutPack(before, context);
      chunk.state = state;
      if (pack === undefined) return;
      this.check(pack, before);
      expect(pack.permits).toBeLessThanOrEqual(free);
      chunk.running.add(pack);
      this.packs.push(pack);
      const inFlight = [...this.chunks.values()].reduce((sum, other) => sum + permitsOf(other), 0);
      this.maxInFlight = Math.max(this.maxInFlight, inFlight);
    }
  }

  /** Checks that a pack's target is up, and takes its items. */
  private check(pack: Pack, { targets }: ChunkState): void {
    const able = targets.filter((target) => canAsk(target, pack, this.now)).map(({ id }) => id);
    expect(able).toContain(pack.target);
    expect(decodeItems(pack.items).length).toBeGreaterThan(0);
  }

  /** Plans the next try of a chunk that can ask no target. Its wait goes on until a target answers. */
  private wait(chunk: LivingChunk): void {
    const wait = chunk.running.size > 0 ? undefined : waitOf(chunk.state, this.now);
    if (wait === undefined) return;
    // Else the chunk would ask for the time again and again.
    expect(wait.until).toBeGreaterThan(this.now);
    chunk.state = { ...chunk.state, wait };
    const { maxWaitSecs, retries } = this.world.options;
    const isOver = this.now >= wait.since + maxWaitSecs * 1000 || wait.tries >= Math.max(wait.minTries, retries);
    if (isOver) this.failItems(chunk, findWaiting(chunk.state, this.now));
  }

  private failItems(chunk: LivingChunk, groups: readonly HopelessItems[]): void {
    for (const hopeless of groups) {
      const { items, losses } = hopeless.items;
      const able = chunk.state.targets.filter((target) => canAsk(target, hopeless.items, this.now));
      if (losses <= 3) expect(able.map(({ id }) => id)).toEqual([]);
      const { target } = hopeless.failure;
      for (const item of decodeItems(items)) {
        const { modality, model } = hopeless.items;
        const ended = { target, model, modality, isOk: false };
        if (!this.recorded.has(item)) this.recorded.set(item, ended);
      }
      const counts = decodeItems(items).reduce((sum, item) => this.count(sum, item), NO_COUNTS);
      chunk.state = settleHopeless(chunk.state, hopeless, counts);
    }
  }

  /** Ends one of the running packs; without one it lets the time pass until something can be asked. */
  private endOnePack(): void {
    const running = [...this.chunks.values()].flatMap((chunk) => [...chunk.running].map((pack) => ({ chunk, pack })));
    const picked = running[this.world.draw(running.length)];
    if (picked === undefined) {
      this.passTime();
      return;
    }
    this.now += this.world.draw(3_000);
    picked.chunk.state = this.settled(picked.chunk.state, picked.pack);
    picked.chunk.running.delete(picked.pack);
  }

  private passTime(): void {
    const chunks = [...this.chunks.values()];
    const before = this.now;
    const times = chunks.flatMap(({ state }) =>
      [state.wait?.until ?? [], nextRetryAt(state.open, before) ?? []].flat(),
    );
    this.now = Math.max(before + 1, Math.min(before + 10_000, ...times.filter((time) => time > before)));
    for (const chunk of chunks) {
      const { wait } = chunk.state;
      if (wait === undefined || wait.until <= before || wait.until > this.now) continue;
      chunk.state = { ...chunk.state, wait: { ...wait, tries: wait.tries + 1 } };
    }
  }

  private settled(state: ChunkState, pack: Pack): ChunkState {
    const ending = this.world.ending(pack);
    const items = decodeItems(pack.items);
    const result = this.work(pack, items, ending === 'done' ? items.length : this.world.draw(items.length));
    switch (ending) {
      case 'done':
      case 'handedBack':
        return settlePack(state, pack, result, this.now);
      case 'withdrawn':
        return withdrawPack(state, pack);
      case 'lost':
        return losePack(state, pack);
      default: {
        const { waitMs } = this.world;
        const named = waitMs === undefined ? result : { ...result, waitMs };
        const failure = { type: ending, message: `${ending}: simulated`, result: named };
        const { stop: _resumed, ...rest } = settleFailure(state, pack, failure, {
          now: this.now,
          startedAt: this.now,
          isAnswered: true,
        });
        return rest;
      }
    }
  }

  /** Asks about a pack's first items, records their outcomes, and returns what the pack's activity would. */
  private work(pack: Pack, items: readonly number[], count: number): PackResult {
    // What is recorded is counted first, also by a pack that is handed back then.
    const found = pack.reread === true ? items.filter((item) => this.recorded.has(item)) : [];
    const rest = items.filter((item) => !found.includes(item));
    const groups: Record<Outcome, number[]> = { ok: [], failed: [], again: [], refused: [] };
    for (const item of rest.slice(0, count)) {
      if (this.recorded.has(item)) this.askedTwice.push(item);
      const outcome = this.world.outcome(item, pack);
      groups[outcome].push(item);
      const isOk = outcome === 'ok';
      const { target, model, modality } = pack;
      if (isOk || outcome === 'failed') this.recorded.set(item, { target, model, modality, isOk });
    }
    return {
      counts: [...found, ...groups.ok, ...groups.failed].reduce((counts, item) => this.count(counts, item), NO_COUNTS),
      failed: encodeItems(groups.again),
      refused: encodeItems(groups.refused),
      open: encodeItems(rest.slice(count)),
      lastFailures: [],
      notes: [],
    };
  }

  /** Counts an item as it is recorded. */
  private count(counts: Counts, item: number): Counts {
    const { target = '', isOk } = this.recorded.get(item) ?? {};
    if (isOk !== true) return countFailure(counts, target, '500: simulated');
    return countModel({ ...counts, ok: counts.ok + 1, requests: counts.requests + 1 }, target, { sent: 1, ok: 1 });
  }
}

function itemsOf(manifest: ChunkManifest): number {
  return sumOfModalities(countLayout(manifest.layout).asked);
}

function permitsOf({ running }: Pick<LivingChunk, 'running'>): number {
  return [...running].reduce((sum, { permits }) => sum + permits, 0);
}

/** Returns true if a target can be asked about items now, by its own facts alone. */
function canAsk(target: Target, { modality, model, refusedBy }: OpenItems, now: number): boolean {
  if (!isUp(target, now) || refusedBy.includes(target.id)) return false;
  if (target.refused.some((refused) => refused === modality || modality.split('+').includes(refused))) return false;
  if (model !== undefined) return target.id === model;
  if (target.nodes === 0) return false;
  const able = target.modality.split('+');
  return target.chosen === true || modality === 'text' || modality.split('+').every((media) => able.includes(media));
}
