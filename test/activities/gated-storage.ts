import type { Appender, Storage } from '../../src/storage/storage.js';
import { FaultyStorage } from './faulty-storage.js';

/** A real storage whose appends wait while it is shut. */
export class GatedStorage extends FaultyStorage {
  #gate: Promise<void> | undefined;
  #open = (): void => undefined;
  /** Appends that wait. */
  waiting = 0;

  constructor(storage: Storage) {
    super(storage, () => false);
  }

  shut(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#gate = undefined;
    this.#open();
  }

  override openAppend(key: string): Appender {
    const appender = super.openAppend(key);
    const append = async (text: string): Promise<void> => {
      if (this.#gate !== undefined) {
        this.waiting++;
        await this.#gate;
        this.waiting--;
      }
      await appender.append(text);
    };
    return { ...appender, append };
  }
}
