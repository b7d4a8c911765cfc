import { Client, Connection } from '@temporalio/client';
import { joinEmbeddedServer } from '../src/embedded/join.js';
import type { HistoryCounts } from './histories.js';

// Counts what the embedded server of a data directory, the one argument, has on record, and prints it as JSON.

const server = await joinEmbeddedServer({ dataDir: process.argv[2] ?? '', env: process.env, onStep: () => undefined });
const connection = await Connection.connect({ address: server.address });
process.stdout.write(`${JSON.stringify(await countAll(new Client({ connection })))}\n`);
await connection.close();
await server.leave();

async function countAll(client: Client): Promise<HistoryCounts> {
  const counts = { activities: 0, events: 0, largest: 0, largestBytes: 0 };
  for await (const { workflowId, runId, historySize = 0 } of client.workflow.list()) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const all = events ?? [];
    counts.events += all.length;
    counts.largestBytes = Math.max(counts.largestBytes, historySize);
    counts.largest = Math.max(counts.largest, all.length);
    counts.activities += all.filter((event) => event.activityTaskScheduledEventAttributes != null).length;
  }
  return counts;
}
