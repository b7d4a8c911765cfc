import { z } from 'zod';

/** One line of the input file: DESIGN's contract with users. Unknown fields are refused, so that a misspelt one is seen. */
export const inputLineSchema = z.strictObject({
  prompt: z.string().refine((text) => text.trim() !== '', 'must not be empty'),
  id: z.union([z.string().min(1), z.number().refine(Number.isFinite)]).optional(),
  attachment: z.string().min(1).optional(),
  /** Why the item failed before, as `results --failed` writes it beside the item. Ignored. */
  error: z.string().optional(),
});

/** A parsed input line. */
export type InputLine = z.infer<typeof inputLineSchema>;

/** An item's id in the output: its own, or the 1-based number of its line. */
export type ItemId = string | number;
