import { expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { BatchOptionsInput, batchOptionsSchema } from '../../src/batch/options.js';
import type { AttachmentOptions, attachmentOptionsSchema, BatchInput, batchInputSchema } from '../../src/batch/run.js';
import type { RunSummary, runSummarySchema } from '../../src/batch/summary.js';

/** True if each of two types can stand for the other, and both have the same fields, optional ones included. */
type Same<A, B> = [A, keyof A] extends [B, keyof B] ? ([B, keyof B] extends [A, keyof A] ? true : false) : false;

// Checked by the compiler (`npm run typecheck`): the interfaces are written out for their comments, which a type that is
// inferred from a schema loses.
it('declares for users what the schemas parse, field by field', () => {
  expectTypeOf<Same<BatchOptionsInput, z.input<typeof batchOptionsSchema>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<AttachmentOptions, z.input<typeof attachmentOptionsSchema>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<BatchInput, z.input<typeof batchInputSchema>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<RunSummary, z.output<typeof runSummarySchema>>>().toEqualTypeOf<true>();
});
