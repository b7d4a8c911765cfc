import { Client, Connection } from '@temporalio/client';

/** Billed actions of a run, by kind: see the list of actions in Temporal Cloud's documentation on pricing. */
export interface ActionCounts {
  /** Workflows started, children and continued ones included. */
  workflows: number;
  /** Attempts of activities: each start is an action. */
  activities: number;
  timers: number;
  /** Signals sent or received, each counted once. */
  signals: number;
  updates: number;
  /** Heartbeats that reached the server. */
  heartbeats: number;
}

/** Counts the actions of all workflows on a server while a run is on it. */
export class ActionCounter {
  private readonly heartbeats = new Map<string, Set<string>>();
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly connection: Connection,
    private readonly client: Client,
  ) {}

  /** Connects, and watches the heartbeats of pending activities from now on: histories do not keep them. */
  static async watch(address: string): Promise<ActionCounter> {
    const connection = await Connection.connect({ address });
    const counter = new ActionCounter(connection, new Client({ connection }));
    counter.timer = setInterval(() => void counter.look().catch(() => undefined), 1_000);
    return counter;
  }

  /** Counts what the histories have, and what was seen of heartbeats. Ends the watch. */
  async count(): Promise<ActionCounts> {
    clearInterval(this.timer);
    const counts: ActionCounts = { workflows: 0, activities: 0, timers: 0, signals: 0, updates: 0, heartbeats: 0 };
    for await (const { workflowId, runId } of this.client.workflow.list()) {
      const { events } = await this.client.workflow.getHandle(workflowId, runId).fetchHistory();
      counts.workflows++;
      for (const event of events ?? []) {
        counts.activities += event.activityTaskStartedEventAttributes?.attempt ?? 0;
        if (event.timerStartedEventAttributes != null) counts.timers++;
        if (event.workflowExecutionSignaledEventAttributes != null) counts.signals++;
        if (event.workflowExecutionUpdateAcceptedEventAttributes != null) counts.updates++;
      }
    }
    for (const times of this.heartbeats.values()) counts.heartbeats += times.size;
    await this.connection.close();
    return counts;
  }

  private async look(): Promise<void> {
    for await (const { workflowId, runId } of this.client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
      const { raw } = await this.client.workflow.getHandle(workflowId, runId).describe();
      for (const { activityId, lastHeartbeatTime } of raw.pendingActivities ?? []) {
        if (lastHeartbeatTime == null) continue;
        const key = `${runId} ${activityId}`;
        const times = this.heartbeats.get(key) ?? new Set();
        this.heartbeats.set(key, times.add(`${lastHeartbeatTime.seconds}.${lastHeartbeatTime.nanos}`));
      }
    }
  }
}
