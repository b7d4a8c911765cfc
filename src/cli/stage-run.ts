import type { Manifest } from '../batch/manifest.js';
import { attachedItems } from '../batch/modality.js';
import { AttachmentError, InputError } from '../input/errors.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { isS3Root } from '../storage/s3-location.js';
import type { Storage } from '../storage/storage.js';
import { hasAttachments } from '../store/has-attachments.js';
import { hasContent, stageContent, stageInput } from '../store/stage.js';
import { stageAttachments } from '../store/stage-attachments.js';
import { UserError } from './errors.js';
import { type ScannedFile, WHEN_QUIET } from './scan-file.js';
import type { Reporter } from './terminal/reporter.js';

/** Time between two lines about how far the sending is, ms. */
const SAY_MS = 2_000;

/** Where an input goes. */
export interface StagePlan {
  readonly storage: Storage;
  /** Ends the staging with its reason when it is aborted: nothing of the object that was being written is left. */
  readonly interrupt: AbortSignal;
}

/** True when the attachments are put into storage: where other machines read it, they cannot read this one's files. */
export function attachmentsAreStaged({ modalities }: Manifest, storage: Storage): boolean {
  return isS3Root(storage.root) && attachedItems(modalities) > 0;
}

/** Stages a scanned input, with its attachments where they are wanted, and says how far it is. */
export async function stageRun(run: string, scanned: ScannedFile, plan: StagePlan, reporter: Reporter): Promise<void> {
  await stageWith(stageInput, run, scanned, plan, reporter);
}

/** Brings back what a run has lost of its staged input; nothing when it is there. The run keeps its manifest. */
export async function stageAgain(
  run: string,
  staged: Manifest,
  scanned: ScannedFile,
  plan: StagePlan,
  reporter: Reporter,
): Promise<void> {
  if ((await hasContent(plan.storage, run, staged)) && (await hasItsAttachments(run, staged, plan, reporter))) return;
  reporter.note('what was stored of the input or its attachments is gone or damaged: storing it again');
  await stageWith(stageContent, run, scanned, plan, reporter);
}

async function hasItsAttachments(
  run: string,
  staged: Manifest,
  { storage, interrupt }: StagePlan,
  reporter: Reporter,
): Promise<boolean> {
  if (!attachmentsAreStaged(staged, storage)) return true;
  const say = saying(reporter);
  return await hasAttachments(storage, run, staged, (count) => {
    interrupt.throwIfAborted();
    say(() => `looking whether the stored attachments are there: ${count.toLocaleString('en')} so far`);
  });
}

async function stageWith(
  stage: typeof stageInput,
  run: string,
  scanned: ScannedFile,
  plan: StagePlan,
  reporter: Reporter,
): Promise<void> {
  try {
    // The manifest, which tells that all is there, is written with the input: so it comes last.
    if (attachmentsAreStaged(scanned.scan.manifest, plan.storage)) await sendAttachments(run, scanned, plan, reporter);
    await sendInput(stage, run, scanned, plan, reporter);
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof AttachmentError)) throw error;
    throw new UserError(`${error.message}; nothing was started`, {
      exitCode: 2,
      hint: WHEN_QUIET,
      cause: error,
    });
  }
}

async function sendInput(
  stage: typeof stageInput,
  run: string,
  { scan, open, copy }: ScannedFile,
  { storage, interrupt }: StagePlan,
  reporter: Reporter,
): Promise<void> {
  // With it the input is there, and only the places of its items are left to be stored.
  await copy?.keep(scan.manifest.sha256);
  const total = megabytes(scan.manifest.bytes);
  const say = saying(reporter);
  let sent = 0;
  await stage(storage, run, scan, open, (bytes) => {
    interrupt.throwIfAborted();
    sent += bytes;
    say(() => `storing the input: ${megabytes(sent)} of ${total} MB`);
  });
}

async function sendAttachments(
  run: string,
  { scan, folder, roots, readRange }: ScannedFile,
  { storage, interrupt }: StagePlan,
  reporter: Reporter,
): Promise<void> {
  const items = attachedItems(scan.manifest.modalities);
  const say = saying(reporter);
  const rules = { folder, roots, maxBytes: DEFAULT_MAX_ATTACHMENT_BYTES };
  const onAttachment = (count: number): void => {
    interrupt.throwIfAborted();
    say(() => `storing attachments: ${count}, of ${items} items`);
  };
  await stageAttachments({ storage, run, scan, readRange, rules, onAttachment });
}

/** Says something now and then: what is quick is not talked about. */
export function saying(reporter: Reporter): (message: () => string) => void {
  let said = Date.now();
  return (message) => {
    if (Date.now() - said < SAY_MS) return;
    said = Date.now();
    reporter.note(message());
  };
}

/** Bytes as whole megabytes, in words. */
export function megabytes(bytes: number): string {
  return Math.round(bytes / 1e6).toLocaleString('en');
}
