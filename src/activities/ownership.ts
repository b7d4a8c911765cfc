import { Context } from '@temporalio/activity';
import type { ExecutionChain } from '../batch/step-contract.js';
import type { Storage } from '../storage/storage.js';
import {
  differingFields,
  hasOutcomes,
  type Owner,
  putFirstOwner,
  putOwner,
  type Question,
  readOwner,
} from '../store/owner.js';
import { runDirectory } from '../store/run-directory.js';
import { invalid, otherInput } from './failures.js';

/** Who wants a run directory, and for what. */
export interface Claim {
  readonly run: string;
  readonly chain: ExecutionChain;
  readonly tenant: string | undefined;
  readonly question: Question;
  /** Failed items are asked again, perhaps otherwise, beside the answers that are kept. */
  readonly retryFailed: boolean;
}

/** A claim that was granted. */
export interface Claimed {
  /** There are outcomes. */
  readonly hasOutcomes: boolean;
  /** What the run asks as a whole. */
  readonly question: Question;
}

/**
 * Makes an execution chain the owner of its run directory. The chain that has it goes on; another one takes over what is
 * there if it asks the same. Fails with `InvalidInput`, naming what differs, where
 * answers to different questions would get mixed, and for a directory whose owner may still be running. Idempotent.
 */
export async function claimDirectory(storage: Storage, claim: Claim): Promise<Claimed> {
  const { run, question, retryFailed } = claim;
  const [owner, has] = await Promise.all([ownerOf(claim), hasOutcomes(storage, run)]);
  if (await putFirstOwner(storage, run, owner)) return { hasOutcomes: has, question };
  const there = await readOwner(storage, run);
  if (there === undefined) throw new Error(`the owner of ${run} was removed while it was read`);
  refuseRunning(storage, run, there, owner);
  if (there.question.input !== question.input) throw otherInput(run);
  if (retryFailed) {
    // The answers that are kept are still those to the question of before.
    await putOwner(storage, run, { ...owner, question: there.question });
    return { hasOutcomes: has, question: there.question };
  }
  // Another question may come where nothing is answered and nothing is in flight, but for what made the staged manifest.
  const isFree = !has && there.ended === true;
  const fields = differingFields(there.question, question);
  const different = isFree ? fields.filter((field) => IN_MANIFEST.has(field)) : fields;
  if (different.length > 0) {
    const words = different.map(
      (field) => `${field} is ${there.question[field] ?? 'none'}, not ${question[field] ?? 'none'}`,
    );
    throw invalid(`${run} belongs to a run that asks otherwise: ${words.join(', ')}; give another id`);
  }
  await putOwner(storage, run, owner);
  return { hasOutcomes: has, question };
}

/** Fields of a question that made the staged manifest. */
const IN_MANIFEST: ReadonlySet<string> = new Set(['options.skipInvalid', 'options.dedupe']);

/** Fails for an owner that may still be running. An id has one execution at a time, so it cannot be one of this id. */
function refuseRunning({ root }: Storage, run: string, there: Owner, here: Owner): void {
  if (there.ended === true || (isSameNamespace(there, here) && there.workflowId === here.workflowId)) return;
  throw invalid(
    `${run} belongs to the workflow ${there.workflowId} of another namespace (${there.namespace}), which has not ended: ` +
      `give another id, or cancel that one; if it was terminated, remove ${root}/${runDirectory(run).owner}`,
  );
}

function isSameNamespace(a: Owner, b: Owner): boolean {
  const areKnown = a.namespaceId !== undefined && b.namespaceId !== undefined;
  return areKnown ? a.namespaceId === b.namespaceId : a.namespace === b.namespace;
}

async function ownerOf({ run, chain: { namespace, firstRunId }, tenant, question }: Claim): Promise<Owner> {
  const namespaceId = await namespaceIdOf(namespace);
  return {
    version: 1,
    namespace,
    ...(namespaceId === undefined ? {} : { namespaceId }),
    workflowId: run,
    firstRunId,
    ...(tenant === undefined ? {} : { tenant }),
    question,
  };
}

/** Longest time to wait for the id of a namespace, ms: without it namespaces go by their names. */
const NAMESPACE_MS = 5_000;

/** Returns the id that a namespace has on its server; undefined if the server does not give it. */
async function namespaceIdOf(namespace: string): Promise<string | undefined> {
  try {
    const { client } = Context.current();
    const deadline = Date.now() + NAMESPACE_MS;
    const found = await client.withDeadline(deadline, () => client.workflowService.describeNamespace({ namespace }));
    return found.namespaceInfo?.id || undefined;
  } catch {
    return undefined;
  }
}
