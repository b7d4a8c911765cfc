import type { Storage } from '../storage/storage.js';
import { baseUrlFromFlags } from './base-url.js';
import { Cleanup } from './cleanup.js';
import type { Io } from './io.js';
import { openReporter } from './open-reporter.js';
import { checkOutput } from './output.js';
import { placesOf, usablePlaces } from './places.js';
import { formatFrom, wantedFrom } from './result-format.js';
import type { RunFlags } from './run-flags.js';
import { openSession, type Session } from './session.js';
import { temporalSettings } from './temporal-settings.js';
import type { Reporter } from './terminal/reporter.js';

/** What a command needs that looks after a run which is there already. */
export interface OpenRun {
  readonly session: Session;
  readonly reporter: Reporter;
  readonly storage: Storage;
}

/** Opens what a command about a run needs, with a worker's code on the embedded server, for as long as `body` takes. */
export async function withOpenRun<T>(flags: RunFlags, io: Io, body: (open: OpenRun) => Promise<T>): Promise<T> {
  const settings = temporalSettings(flags, io.env);
  baseUrlFromFlags(flags.baseUrl, io.env);
  const format = await formatFrom(wantedFrom(flags), io);
  await checkOutput(flags.output, { places: placesOf(flags, io.env), format, env: io.env });
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const onStep = (step: string) => reporter.note(step);
    const withWorker = settings.kind === 'embedded';
    const session = cleanup.add(
      await openSession({ settings, withWorker, dataDir, env: io.env, onStep, signal: io.interrupt }),
      (opened) => opened.close(),
    );
    return await body({ session, reporter, storage });
  } finally {
    await cleanup.run();
  }
}
