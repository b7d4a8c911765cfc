import { z } from 'zod';

/** Which file of output lines is written where; the name of the output says how. */
export const taskSchema = z.object({ input: z.string(), output: z.string() });

/** What writing took. */
export const costSchema = z.object({ seconds: z.number(), cpuSeconds: z.number(), peakBytes: z.number() });
export type Cost = z.output<typeof costSchema>;
