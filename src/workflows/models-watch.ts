import { condition, sleep } from '@temporalio/workflow';
import type { Model } from '../batch/models.js';
import { endpointSteps } from './activities.js';

/** How often the models list is read anew while nothing calls for it, ms. */
const REFRESH_MS = 5 * 60_000;

/** Least time between two looks, ms: a 503 on every lane is one reason to look, not a hundred. */
const REFRESH_GAP_MS = 15_000;

/** Reads the models list at an interval and soon after it is asked to. */
export class ModelsWatch {
  private wanted = false;

  constructor(
    private readonly onList: (list: readonly Model[]) => void,
    /** True while nobody needs the list: a run that is paused for weeks must not fill its history with looks. */
    private readonly resting: () => boolean,
  ) {}

  /** Asks for a look soon. */
  want(): void {
    this.wanted = true;
  }

  /** Watches until cancelled. A list that cannot be had changes nothing: the models known stay. */
  async run(): Promise<never> {
    while (true) {
      await condition(() => this.wanted, REFRESH_MS, { summary: 'until the models list is read again' });
      await condition(() => !this.resting());
      this.wanted = false;
      const list = await endpointSteps.fetchModels().catch((): Model[] => []);
      if (list.length > 0) this.onList(list);
      await sleep(REFRESH_GAP_MS, { summary: 'until the models list may be read again' });
    }
  }
}
