// A command that uses the embedded server, as a process of its own that tests can kill.
// Tells what happens as one JSON object per line; leaves when a line comes in.
import { once } from 'node:events';
import { joinEmbeddedServer } from '../../dist/embedded/join.js';

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const giveUp = new AbortController();

try {
  const server = await joinEmbeddedServer({
    dataDir: process.argv[2],
    env: process.env,
    onStep: (message) => {
      say({ type: 'step', message });
      if (process.env.GIVE_UP_AT_FIRST_STEP) giveUp.abort(new Error('given up'));
    },
    signal: giveUp.signal,
  });
  say({ type: 'joined', address: server.address, uiUrl: server.uiUrl });
  await once(process.stdin, 'data');
  await Promise.all([server.leave(), server.leave()]);
  say({ type: 'left' });
  process.stdin.destroy();
} catch (error) {
  say({ type: 'failed', code: error.code ?? error.name, message: error.message });
  process.exitCode = 1;
}
