import { condition, sleep } from '@temporalio/workflow';
import type { Listing } from '../batch/endpoint-rules.js';
import type { Model } from '../batch/models.js';
import { endpointSteps } from './activities.js';
import { listModels } from './list-models.js';

/** Time between two readings of the models list if nothing calls for one, ms. */
const REFRESH_MS = 10 * 60_000;

/** Minimum time between two readings, ms: a 503 for each pack is one reason to read, not a hundred. */
const REFRESH_GAP_MS = 15_000;

/** Reads the models list at an interval, and soon after a target was found down. */
export class ModelsWatch {
  private isWanted = false;

  constructor(
    private readonly listing: () => Listing,
    private readonly onList: (list: readonly Model[]) => void,
    /** Returns true while a list is of no use: a run that is paused for weeks must not fill its history. */
    private readonly isResting: () => boolean,
  ) {}

  /** Asks for the list soon. */
  want(): void {
    this.isWanted = true;
  }

  /** Watches until cancelled. A list that cannot be had changes nothing. */
  async run(): Promise<never> {
    while (true) {
      await condition(() => this.isWanted, REFRESH_MS, { summary: 'until the models list is read again' });
      await condition(() => !this.isResting());
      this.isWanted = false;
      const { models } = await listModels(endpointSteps, this.listing()).catch((): { models: Model[] } => ({
        models: [],
      }));
      if (models.length > 0) this.onList(models);
      await sleep(REFRESH_GAP_MS, { summary: 'until the models list may be read again' });
    }
  }
}
