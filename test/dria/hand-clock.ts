import type { Clock } from '../../src/dria/clock.js';

/** A clock that stands until it is moved. */
export class HandClock implements Clock {
  #time = 0;
  readonly timers = new Map<() => void, number>();
  now = () => this.#time;
  after(ms: number, task: () => void): () => void {
    const timer = () => task();
    this.timers.set(timer, this.#time + ms);
    return () => this.timers.delete(timer);
  }
  move(ms: number): void {
    this.#time += ms;
    for (const [timer, due] of [...this.timers]) {
      if (due > this.#time || !this.timers.delete(timer)) continue;
      timer();
    }
  }
}
