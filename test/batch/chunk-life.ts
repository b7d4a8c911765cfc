import {
  type ChunkState,
  failStranded,
  nextPack,
  nextTry,
  nothingOpen,
  unstrand,
} from '../../src/batch/chunk-state.js';
import { encodeItems } from '../../src/batch/item-ranges.js';
import { clearDown } from '../../src/batch/model-table.js';
import { failAlone, finishPack, holdPack, leaveModel, losePack } from '../../src/batch/pack-outcome.js';
import type { WorkflowOptions } from '../../src/batch/run.js';
import { type FailureType, isRetryable, type PackProgress, type UnfinishedItem } from '../../src/batch/work.js';
import type { Pack } from '../../src/batch/work-queue.js';

/** What may become of one question. `lost` takes the worker with it, `back` the worker hands its pack back. */
export type Answer = 'ok' | FailureType | 'lost' | 'back';

/** A pack that was started, as the life of the chunk saw it. */
export interface StartedPack {
  readonly pack: Pack;
  /** Epoch ms. */
  readonly at: number;
  /** The chunk's state just before. */
  readonly before: ChunkState;
  /** Lanes that it took, and those that were free. */
  readonly lanes: number;
  readonly free: number;
}

/** What a whole life of a chunk came to. */
export interface ChunkLife {
  readonly state: ChunkState;
  readonly packs: readonly StartedPack[];
  /** How often each item was asked. */
  readonly asked: ReadonlyMap<number, number>;
  /** Answers that were asked for although storage had one. */
  readonly paidTwice: readonly number[];
}

/** Hand-backs in one life: a worker that leaves does so once, not for ever. */
const MOST_BACK = 20;

/** Lives of chunks end long before; one that does not has a loop in it. */
const MOST_STEPS = 200_000;

/** Lives through a chunk the way `chunkWorkflow` does, with answers instead of activities, until every item has ended. */
export class ChunkLiving {
  private now = 1_000_000;
  private steps = 0;
  private handedBack = 0;
  private lookAt: number | undefined;
  private inFlight: { readonly pack: Pack; readonly lanes: number; readonly id: string }[] = [];
  private readonly packs: StartedPack[] = [];
  private readonly asked = new Map<number, number>();
  private readonly paidTwice: number[] = [];
  /** Answers that lost packs have left in storage, by the segments' prefix. */
  private readonly leftBehind = new Map<string, ReadonlySet<number>>();

  constructor(
    private state: ChunkState,
    private readonly options: WorkflowOptions,
    private readonly lanes: number,
    private readonly answer: (item: number, pack: Pack) => Answer,
    /** A whole number below `below`. */
    private readonly draw: (below: number) => number,
  ) {}

  run(): ChunkLife {
    while (true) {
      if (this.steps++ > MOST_STEPS) throw new Error('the chunk does not come to an end');
      this.launch();
      if (this.inFlight.length === 0 && nothingOpen(this.state)) break;
      this.look();
      this.step();
    }
    return { state: this.state, packs: this.packs, asked: this.asked, paidTwice: this.paidTwice };
  }

  private launch(): void {
    for (let free = this.free(); free > 0; free = this.free()) {
      const before = this.state;
      const { cut, state } = nextPack(before, this.options, this.now, free);
      this.state = state;
      if (cut === undefined) return;
      const { pack, lanes } = cut;
      this.packs.push({ pack, at: this.now, before, lanes, free });
      this.inFlight.push({ pack, lanes, id: `pack-${this.packs.length}-` });
    }
  }

  private free(): number {
    return this.lanes - this.inFlight.reduce((sum, { lanes }) => sum + lanes, 0);
  }

  private look(): void {
    if (this.state.stranded.length === 0 || this.lookAt !== undefined) return;
    if (this.state.rounds >= this.options.retries) this.state = failStranded(this.state);
    else this.lookAt = this.now + 5000 * 2 ** this.state.rounds;
  }

  /** Ends one pack, or lets time pass when there is none. */
  private step(): void {
    const wake = Math.min(this.lookAt ?? Number.POSITIVE_INFINITY, nextTry(this.state, this.now) ?? this.now + 20_000);
    this.now = this.inFlight.length === 0 ? Math.max(this.now, wake) : this.now + this.draw(3000);
    if (this.lookAt !== undefined && this.lookAt <= this.now) {
      const models = clearDown(this.state.models);
      this.state = unstrand({ ...this.state, models, rounds: this.state.rounds + 1 }, this.now);
      this.lookAt = undefined;
    }
    const [ended] = this.inFlight.splice(this.draw(this.inFlight.length), 1);
    if (ended !== undefined) this.end(ended.pack, ended.id, ended.lanes);
  }

  private end(pack: Pack, id: string, lanes: number): void {
    const work = new PackWork(pack, this.takenOver(pack));
    const open = pack.items.filter((item) => !work.ok.has(item));
    for (const [position, item] of open.entries()) {
      const outcome = this.askItem(item, pack, work);
      if (outcome === 'next') continue;
      // What the other lanes have asked meanwhile is finished and kept.
      if (outcome !== 'lost')
        for (const beside of open.slice(position + 1, position + lanes)) this.askItem(beside, pack, work);
      this.endEarly(pack, id, work, outcome);
      return;
    }
    this.state = finishPack(this.state, pack, work.progress(), this.options, this.now);
  }

  private takenOver(pack: Pack): readonly number[] {
    return pack.takeOver.flatMap((prefix) => [...(this.leftBehind.get(prefix) ?? [])]);
  }

  /** Asks about one item; an item alone as often as its retry policy lets it. */
  private askItem(item: number, pack: Pack, work: PackWork): 'next' | Answer {
    const alone = pack.items.length === 1;
    const attempts = alone ? Math.max(1, 1 + this.options.retries - pack.attempts) : 1;
    for (let attempt = 1; ; attempt++) {
      const answer = this.askOnce(item, pack);
      if (answer === 'lost' || answer === 'back') return answer;
      work.requests++;
      if (answer === 'ok') {
        work.ok.add(item);
        return 'next';
      }
      if (!isRetryable(answer) && answer !== 'InvalidRequest') return answer;
      if (alone && isRetryable(answer) && attempt < attempts) continue;
      if (alone) return answer;
      work.leave(item, answer);
      return 'next';
    }
  }

  private askOnce(item: number, pack: Pack): Answer {
    const answer = this.answer(item, pack);
    if (answer === 'back' && this.handedBack++ >= MOST_BACK) return 'ok';
    if (answer === 'lost' || answer === 'back') return answer;
    this.asked.set(item, (this.asked.get(item) ?? 0) + 1);
    for (const items of this.leftBehind.values()) if (items.has(item)) this.paidTwice.push(item);
    return answer;
  }

  private endEarly(pack: Pack, id: string, work: PackWork, answer: Answer): void {
    const { state, options, now } = this;
    const progress = work.progress();
    const failure = (type: FailureType) => ({ type, message: `${type}: simulated` });
    if (answer === 'lost') {
      this.leftBehind.set(id, work.ok);
      this.state = losePack(state, pack, id);
    } else if (answer === 'back' || answer === 'ok') this.state = finishPack(state, pack, progress, options, now);
    else if (answer === 'NoNodesAvailable' || answer === 'ModalityRefused') {
      this.state = leaveModel(state, pack, progress, failure(answer), options, now);
    } else if (answer === 'PaymentRequired') {
      const stop = { type: answer, message: 'out of credits', askedAt: now };
      const { stop: _resumed, ...held } = holdPack(state, pack, progress, stop, options, now);
      this.state = { ...held, paused: false };
    } else this.state = failAlone(state, pack, progress, failure(answer), now);
  }
}

/** What one pack has done. */
class PackWork {
  readonly ok: Set<number>;
  requests = 0;
  private readonly unfinished: UnfinishedItem[] = [];

  constructor(
    private readonly pack: Pack,
    takenOver: readonly number[],
  ) {
    this.ok = new Set(takenOver.filter((item) => pack.items.includes(item)));
  }

  leave(item: number, type: FailureType): void {
    const unfinished = { item, type, error: `${type}: simulated` };
    this.unfinished.push(type === 'RateLimited' ? { ...unfinished, retryAfterMs: 7000 } : unfinished);
  }

  progress(): PackProgress {
    const left = new Set(this.unfinished.map(({ item }) => item));
    return {
      segments: [`segment of ${encodeItems([...this.ok])}`],
      ok: this.ok.size,
      truncated: 0,
      tokens: this.ok.size,
      requests: this.requests,
      empty: 0,
      wastedTokens: 0,
      latency: {},
      ...(this.ok.size > 0 ? { latencyMs: 100 } : {}),
      unfinished: this.unfinished,
      remaining: encodeItems(this.pack.items.filter((item) => !this.ok.has(item) && !left.has(item))),
    };
  }
}
