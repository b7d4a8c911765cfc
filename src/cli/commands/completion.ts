import { Argument, Command } from 'commander';
import { z } from 'zod';
import { SHELLS } from '../completion/scripts.js';
import { EXIT, type Io } from '../io.js';

const DESCRIPTION = `Print a script that completes commands, flags, files and ids of runs with the Tab
key. It serves dria-temporal and temporal-dria.`;

const EXAMPLE = `
Example:
  Load it in every new shell:

    $ echo 'source <(dria-temporal completion bash)' >> ~/.bashrc
    $ echo 'source <(dria-temporal completion zsh)' >> ~/.zshrc
    $ dria-temporal completion fish \\
        > ~/.config/fish/completions/dria-temporal.fish`;

/** The command `completion`. */
export function completionCommand(io: Io, onExitCode: (code: number) => void): Command {
  return new Command('completion')
    .summary('Print a completion script for a shell')
    .description(DESCRIPTION)
    .addArgument(new Argument('<shell>', 'Which shell.').choices(SHELLS))
    .addHelpText('after', EXAMPLE)
    .action(async (shell: unknown) => {
      const { completionScript } = await import('../completion/scripts.js');
      io.stdout.write(completionScript(z.enum(SHELLS).parse(shell)));
      onExitCode(EXIT.OK);
    });
}

/** The hidden command that the scripts call: the words of the line after `--`, the one under the cursor last. */
export function completeCommand(program: Command, io: Io, onExitCode: (code: number) => void): Command {
  return new Command('__complete').argument('[words...]').action(async (words: unknown) => {
    const { complete } = await import('../completion/complete.js');
    await complete(program, z.array(z.string()).parse(words), io);
    onExitCode(EXIT.OK);
  });
}
