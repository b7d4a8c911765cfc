import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'undici';
import { freePort } from './free-ports.js';
import { until } from './until.js';

/** The key that the proxy wants. */
export const PROXY_KEY = 'sk-of-the-proxy-0123';

/** A LiteLLM proxy in front of another endpoint. */
export interface LiteLlm {
  /** The base URL, with `/v1`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a proxy that passes these models on to the endpoint at `upstream`. Its configuration is written to `file`. */
export async function startLiteLlm(
  python: string,
  { file, upstream, models, key }: { file: string; upstream: string; models: readonly string[]; key: string },
): Promise<LiteLlm> {
  const list = models.map((model) => ({
    model_name: model,
    litellm_params: { model: `openai/${model}`, api_base: upstream, api_key: key },
  }));
  // JSON is YAML.
  const settings = { litellm_settings: { num_retries: 0 }, general_settings: { master_key: PROXY_KEY } };
  writeFileSync(file, JSON.stringify({ model_list: list, ...settings }));
  const port = await freePort();
  const program = 'import sys; from litellm import run_server; sys.exit(run_server())';
  const args = ['-c', program, '--config', file, '--host', '127.0.0.1', '--port', `${port}`];
  const child = spawn(python, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}/v1`;
  await until(
    'the proxy answers',
    async () => {
      if (child.exitCode !== null) throw new Error(`the proxy ended: does ${python} have litellm[proxy]?`);
      return await isUp(url);
    },
    100_000,
  );
  return {
    url,
    stop: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

async function isUp(url: string): Promise<boolean> {
  const asked = request(`${url}/models`, { headers: { authorization: `Bearer ${PROXY_KEY}` } });
  return await asked.then(
    async ({ statusCode, body }) => {
      await body.dump();
      return statusCode === 200;
    },
    () => false,
  );
}
