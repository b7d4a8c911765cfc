import { onTestFinished, vi } from 'vitest';
import { type Received, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { World } from '../support/batch-world.js';

/** What a scripted endpoint does with a chat request. */
export type ChatScript = (response: Parameters<Script>[0], request: Chat, n: number) => unknown;

/** A chat request as the server got it. */
export interface Chat extends Received {
  readonly model: string;
  readonly prompt: string;
  readonly fields: readonly string[];
}

/** A world whose endpoint is a scripted server with one model, `m`. */
export interface ScriptedWorld {
  readonly world: World;
  readonly server: ScriptedServer;
  readonly chats: readonly Chat[];
}

/** What a scripted endpoint has beside its chats. */
export interface ScriptedOptions {
  readonly models?: readonly object[];
  /** The address that the worker is given, if it is not the server's: the server is then its proxy. */
  readonly baseUrl?: string;
}

/** Opens a world with a scripted endpoint for the test that runs. Ends with it. */
export async function scriptedWorld(
  script: ChatScript,
  { models = [{ id: 'm', nodes: 1 }], baseUrl }: ScriptedOptions = {},
): Promise<ScriptedWorld> {
  const chats: Chat[] = [];
  const server = await new ScriptedServer((response, request) => {
    if (request.path.endsWith('/models')) return response.end(JSON.stringify({ data: models }));
    if (!request.path.endsWith('/chat/completions')) return response.writeHead(404).end();
    const chat = chatOf(request);
    return script(response, chat, chats.push(chat));
  }).listen();
  onTestFinished(() => server.close());
  const world = await World.open({ noWorker: true });
  if (baseUrl !== undefined) proxyBy(`http://127.0.0.1:${server.port}`);
  await startWorkerFor(world, baseUrl ?? server.baseUrl);
  return { world, server, chats };
}

/** Names a proxy in the environment of this process, until the test ends. */
export function proxyBy(url: string): void {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, url);
  for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

/** Starts the shipped worker for another endpoint than the world's simulator. */
export async function startWorkerFor(world: World, baseUrl: string, more: object = {}): Promise<void> {
  const { createBatchWorker } = await builtWorker();
  world.run(
    await createBatchWorker({
      connection: world.native,
      namespace: 'default',
      taskQueue: world.taskQueue,
      storage: world.root,
      baseUrl,
      apiKey: 'test-key',
      shutdownGraceMs: 100,
      ...more,
    }),
  );
}

async function builtWorker(): Promise<typeof import('../../src/worker.js')> {
  return await import(/* @vite-ignore */ new URL('../../dist/worker.js', import.meta.url).href);
}

function chatOf(request: Received): Chat {
  const body: unknown = JSON.parse(request.body);
  const { model, messages } = body as { model: string; messages: { content: unknown }[] };
  const { content } = messages.at(-1) ?? { content: '' };
  return { ...request, model, prompt: typeof content === 'string' ? content : '', fields: Object.keys(body as object) };
}
