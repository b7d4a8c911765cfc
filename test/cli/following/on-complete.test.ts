import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { endEvent, pausedEvent } from '../../../src/batch/run-event.js';
import { NO_PROGRESS } from '../../../src/batch/run-view.js';
import { type Occasion, runOnComplete } from '../../../src/cli/on-complete.js';
import { createPlainReporter } from '../../../src/cli/terminal/plain-reporter.js';
import { summaryOf } from '../../support/summary.js';

const SUMMARY = summaryOf('my run', 5, { ok: 4, failed: 1 });
const DONE: Occasion = {
  event: endEvent({ runId: 'my run', state: 'completed', summary: SUMMARY, results: 'runs/x/results.jsonl' }, 0),
  summary: SUMMARY,
  output: '/tmp/out put.jsonl',
};

async function run(
  command: string | undefined,
  occasion = DONE,
  interrupt = new AbortController().signal,
): Promise<string> {
  const stream = new PassThrough();
  const shown = text(stream);
  const env = { PATH: process.env.PATH, DRIA_TEMPORAL_RUN_REASON: 'of before' };
  await runOnComplete(
    command,
    occasion,
    createPlainReporter(stream, () => 0),
    { env, interrupt },
  );
  stream.end();
  return await shown;
}

describe('--on-complete', () => {
  it('has the facts of the run in its environment, each of them set', async () => {
    const shown = await run('env | grep ^DRIA_TEMPORAL_RUN_ | sort');
    expect(shown.trim().split('\n')).toEqual([
      'DRIA_TEMPORAL_RUN_CANCELLED=0',
      'DRIA_TEMPORAL_RUN_FAILED=1',
      'DRIA_TEMPORAL_RUN_ID=my run',
      'DRIA_TEMPORAL_RUN_ITEMS=5',
      'DRIA_TEMPORAL_RUN_OK=4',
      'DRIA_TEMPORAL_RUN_OUTCOME=all',
      'DRIA_TEMPORAL_RUN_OUTPUT=/tmp/out put.jsonl',
      'DRIA_TEMPORAL_RUN_PAUSED_BY=',
      'DRIA_TEMPORAL_RUN_REASON=',
      'DRIA_TEMPORAL_RUN_SKIPPED=0',
      'DRIA_TEMPORAL_RUN_STATE=completed',
      'DRIA_TEMPORAL_RUN_TOKENS=9',
    ]);
  });

  it('has the event on its standard input, with the whole summary of a run that has ended', async () => {
    expect(JSON.parse(await run('cat'))).toEqual({ ...DONE.event, summary: SUMMARY });
    const event = pausedEvent('r', { ...NO_PROGRESS, startedAt: 0, state: 'paused', reason: 'why' }, 0);
    expect(JSON.parse(await run('cat', { event }))).toEqual(event);
  });

  it('gets a reason as it is, and the shell runs nothing of it', async () => {
    const reason = "402: $(echo run) `echo run`; echo 'run' \0 \u001b[31m";
    const event = endEvent({ runId: 'r', state: 'failed', reason }, 0);
    expect(await run('printf "%s\\n" "$DRIA_TEMPORAL_RUN_REASON" | od -An -c', { event })).toContain('033');
    expect(await run('printf "%s\\n" "$DRIA_TEMPORAL_RUN_REASON"', { event })).toContain(
      "402: $(echo run) `echo run`; echo 'run'",
    );
  });

  it.each([
    ['exit 3', /^warning: --on-complete ended with exit code 3; the run is as it was\n$/],
    ['kill -TERM $$', /^warning: --on-complete was ended by SIGTERM/],
    ['/no/such/program', /warning: --on-complete ended with exit code 127/],
    ['exit 0', /^$/],
  ])('%j is told of if it fails, and changes nothing', async (command, shown) => {
    expect(await run(command)).toMatch(shown);
  });

  it('shows both outputs, as lines', async () => {
    const shown = await run('echo to out; echo to err >&2; printf "no line end"');
    expect(shown.split('\n').sort()).toEqual(['', 'no line end', 'to err', 'to out']);
  });

  it('is not waited for if it leaves something running behind', async () => {
    const left = Number(await run('sleep 600 & echo $!'));
    // It is there still.
    expect(process.kill(left, 'SIGKILL')).toBe(true);
  });

  it('is ended by an interrupt', async () => {
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 100);
    expect(await run('exec sleep 600', DONE, interrupt.signal)).toMatch(/^warning: --on-complete was stopped/);
  });

  it('is not run without a command', async () => {
    expect(await run(undefined)).toBe('');
  });
});
