import { promptText } from '../input/prefix-order.js';
import type { PackItem } from '../store/pack-items.js';

/** Characters that prompts share at least to wait for one another: about 64 tokens. */
const MIN_SHARED = 256;

/** Characters of prompts that are compared. */
const MAX_SHARED = 16_384;

/** Characters by which two shared beginnings differ less are the same: servers keep prompts in blocks. */
const STEP = 64;

/** Items, and characters of their prompts, that are read while others wait for an answer. */
const LOOK_AHEAD = 256;
const LOOK_AHEAD_CHARS = 8_000_000;

/** Items of groups that are begun, for each permit, from which on no other group is begun. */
const ENOUGH = 2;

/** Longest wait for an answer to the first item of a group (ms): by then its prompt has long been read. */
const LEAD_MS = 10_000;

/** A beginning that prompts share. */
interface Group {
  /** Its length, characters. */
  readonly length: number;
  /** A request with it has ended, so that it can come from a cache. */
  isKnown: boolean;
  /** When a request with it was first let through (ms of the monotonic clock). */
  since: number | undefined;
}

/** An item with the beginnings that it shares with others, the longest last. */
interface Entry {
  readonly item: PackItem;
  readonly text: string;
  readonly groups: Group[];
  /** The beginning that it waits for. */
  readonly waitsFor: Group | undefined;
}

/**
 * Lets items through so that of those whose prompts begin alike the first goes alone, and the others when it has been
 * answered: sent all at once, none could use a cache. Meanwhile other groups' items go; but no new group is begun while
 * those begun have enough for the permits, since a cache holds so many beginnings. Items must come in the order of theirs.
 */
export class PrefixLeads {
  private readonly waiting: Entry[] = [];
  private readonly sent = new Map<number, Entry>();
  private chars = 0;
  private last: Entry | undefined;
  /** The beginnings that the last item is in, the longest last. */
  private open: Group[] = [];
  private isRead = false;
  private wakeUp: () => void = () => undefined;

  constructor(
    private readonly permits: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Yields items as they may be asked. */
  async *ordered(items: AsyncIterable<PackItem>): AsyncGenerator<PackItem, void, undefined> {
    const source = items[Symbol.asyncIterator]();
    while (!this.isRead || this.waiting.length > 0) {
      const ready = this.takeReady();
      if (ready !== undefined) yield ready;
      else if (!this.isRead && this.waiting.length < LOOK_AHEAD && this.chars < LOOK_AHEAD_CHARS) {
        const next = await source.next();
        if (next.done === true) this.isRead = true;
        else this.add(next.value);
      } else await this.nextChange();
    }
  }

  /** Notes that the request of an item has ended, whatever it brought: its prompt has been read. */
  ended(item: number): void {
    const entry = this.sent.get(item);
    if (entry === undefined) return;
    this.sent.delete(item);
    for (const group of entry.groups) group.isKnown = true;
    this.wakeUp();
  }

  private add(item: PackItem): void {
    const text = promptText(item).slice(0, MAX_SHARED);
    const shared = this.last === undefined ? 0 : sharedLength(this.last.text, text);
    const waitsFor = shared < MIN_SHARED ? undefined : this.groupOf(shared - (shared % STEP));
    if (waitsFor === undefined) this.open = [];
    const entry = { item, text, groups: [...this.open], waitsFor };
    this.last = entry;
    this.waiting.push(entry);
    this.chars += text.length;
  }

  /** Returns the group of the items that share so much with the last one. */
  private groupOf(length: number): Group {
    this.open = this.open.filter((group) => group.length <= length);
    const longest = this.open.at(-1);
    if (longest !== undefined && length - longest.length < MIN_SHARED) return longest;
    // The last item is the first that has it.
    const { last } = this;
    const isSent = last !== undefined && !this.waiting.includes(last);
    const isKnown = isSent && !this.sent.has(last.item.item);
    const group: Group = { length, isKnown, since: isSent ? this.now() : undefined };
    last?.groups.push(group);
    this.open.push(group);
    return group;
  }

  private takeReady(): PackItem | undefined {
    const now = this.now();
    const begun = this.waiting.filter(({ waitsFor }) => waitsFor?.since !== undefined).length;
    const mayBegin = begun < ENOUGH * this.permits;
    const at = this.waiting.findIndex(
      (entry) => isReady(entry.waitsFor, now) && (mayBegin || entry.waitsFor !== undefined || this.isSingle(entry)),
    );
    const [entry] = at < 0 ? [] : this.waiting.splice(at, 1);
    if (entry === undefined) return undefined;
    this.chars -= entry.text.length;
    this.sent.set(entry.item.item, entry);
    for (const group of entry.groups) group.since ??= now;
    return entry.item;
  }

  /** Returns true for an item that begins like no other; what the last one read begins like is not known yet. */
  private isSingle(entry: Entry): boolean {
    return entry.groups.length === 0 && (this.isRead || entry !== this.last);
  }

  /** Resolves when a request has ended, or an item has waited long enough. */
  private async nextChange(): Promise<void> {
    const times = this.waiting.flatMap(({ waitsFor }) => waitsFor?.since ?? []);
    const wait = Math.max(1, Math.min(...times) + LEAD_MS - this.now());
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
      if (Number.isFinite(wait)) timer = setTimeout(resolve, wait);
    });
    clearTimeout(timer);
  }
}

function isReady(group: Group | undefined, now: number): boolean {
  return group === undefined || group.isKnown || (group.since !== undefined && now - group.since >= LEAD_MS);
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a.charCodeAt(shared) === b.charCodeAt(shared)) shared++;
  return shared;
}
