import { z } from 'zod';

/** Long enough for a quiet hour's orders; who wants more watches again. */
const secondsMax = 600;

export const observationQuerySchema = z.strictObject({
  seconds: z.coerce.number().int().min(1).max(secondsMax).default(120),
});
export type ObservationQuery = z.output<typeof observationQuerySchema>;
