import { expect, it, onTestFinished } from 'vitest';
import { ScriptedServer } from '../../dria/scripted-server.js';
import { command } from '../../support/command.js';

it('the key comes from the variable that --api-key-env names, and no other one is sent', async () => {
  const list = JSON.stringify({ data: [{ id: 'qwen3.5:9b', nodes: 1 }] });
  const server = await new ScriptedServer((response) => response.end(list)).listen();
  onTestFinished(() => server.close());
  const env = { DRIA_API_KEY: 'dria-key', GROQ_API_KEY: 'groq-key' };
  const listed = await command(['models', '--base-url', server.baseUrl, '--api-key-env', 'GROQ_API_KEY'], env);
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('qwen3.5:9b') });
  expect(server.received[0]?.headers.authorization).toBe('Bearer groq-key');
});

it.each(['sk-secret-key', 'NOT_SET'])(
  'a variable that is not set ends the command, and what was given for its name is not repeated: %s',
  async (name) => {
    const { code, stderr } = await command(['models', '--api-key-env', name], { DRIA_API_KEY: 'dria-key' });
    expect(code).toBe(2);
    expect(stderr).toContain('--api-key-env: no variable of that name is set');
    expect(stderr).not.toContain(name);
  },
);
