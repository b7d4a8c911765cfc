import { z } from 'zod';

/** A line of the input. */
export const promptSchema = z.object({ id: z.number(), prompt: z.string() });
export type Prompt = z.output<typeof promptSchema>;

/** A line of the results, as every row writes it. */
export interface Result {
  readonly id: number;
  readonly model: string;
  readonly output: string;
  readonly tokens: number;
}

/** What the loop and the fan-out are told, as their one argument. */
export const taskSchema = z.object({
  input: z.string(),
  output: z.string(),
  url: z.string(),
  model: z.string(),
  lanes: z.number(),
  /** Folder of the embedded server, for the fan-out. */
  dataDir: z.string(),
});
export type Task = z.output<typeof taskSchema>;

/** Reads the lines of the input. */
export function parsePrompts(text: string): Prompt[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => promptSchema.parse(JSON.parse(line)));
}
