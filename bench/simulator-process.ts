import { simulatorOptionsSchema } from '../src/simulator/options.js';
import { startSimulator } from '../src/simulator/server.js';

// The simulated network as a process of its own. Its options are its one argument, as JSON; it prints its URL, and ends
// when its standard input does: never later than the benchmark that started it.

const simulator = await startSimulator(simulatorOptionsSchema.parse(JSON.parse(process.argv[2] ?? '{}')));
process.stdout.write(`${simulator.url}\n`);
process.stdin.resume().once('end', () => process.exit());
