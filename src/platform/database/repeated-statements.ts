import { createHash } from 'node:crypto';
import type pg from 'pg';

/** A text is worth a name once it has been asked so often: the server plans the first five times anyway. */
const usesBeforeName = 5;
/** What one session of the server is to remember at most. */
const namesMax = 500;
/** Texts that are counted: beyond them, those that came once are forgotten. */
const textsMax = 5_000;
/** A plan older than this is made anew: it may stem from a time when a table was nearly empty. */
const plansLastMs = 5_000;

/**
 * Gives names to the statements that are asked again and again, so that the server parses and plans each of them
 * once a session and not each time. A name stands for its text wherever it is used.
 */
export class RepeatedStatements {
  private readonly uses = new Map<string, number>();
  private readonly names = new Map<string, string>();
  private generation = 0;

  /** Undefined while the text is not worth a name. */
  nameOf(text: string): string | undefined {
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= namesMax) return known;
    const uses = (this.uses.get(text) ?? 0) + 1;
    if (uses <= usesBeforeName) {
      if (this.uses.size >= textsMax) this.uses.clear();
      this.uses.set(text, uses);
      return undefined;
    }
    this.uses.delete(text);
    const name = `${this.generation}_${createHash('sha256').update(text).digest('base64url')}`;
    this.names.set(text, name);
    return name;
  }

  /** What the sessions know by name does not hold any more. */
  forget(): void {
    this.generation += 1;
    this.names.clear();
  }
}

/** Has a session ask by name what is asked repeatedly with values. Nothing else about it changes. */
export function prepareRepeated(client: pg.ClientBase, statements: RepeatedStatements): void {
  const ask = client.query.bind(client) as (...given: unknown[]) => unknown;
  const send = ask as (query: pg.QueryConfig) => Promise<pg.QueryResult>;
  let plannedAt = performance.now();

  const askByName = async (query: pg.QueryConfig & { name: string }) => {
    if (performance.now() - plannedAt > plansLastMs) {
      plannedAt = performance.now();
      // where it is refused (after an error in the transaction), so is what follows
      send({ text: 'DISCARD PLANS' }).catch(() => undefined);
    }
    try {
      return await send(query);
    } catch (error) {
      if (!isOutdated(error)) throw error;
      statements.forget();
      // within a transaction the server refuses this too: then all of it has to be done again
      return await send({ text: query.text, values: query.values ?? [] }).catch(() => {
        throw error;
      });
    }
  };

  const answer = (...given: unknown[]): unknown => {
    const [text, values, ...rest] = given;
    const isPlain = typeof text === 'string' && Array.isArray(values) && rest.length === 0;
    if (!isPlain || values.length === 0) return ask(...given);
    const name = statements.nameOf(text);
    return name === undefined ? ask(text, values) : askByName({ name, text, values });
  };
  client.query = answer as typeof client.query;
}

/** A migration has changed what the statement gives, or the server does not know the name. */
function isOutdated(error: unknown): boolean {
  const { code, routine } = error as { code?: string; routine?: string };
  return code === '26000' || (code === '0A000' && routine === 'RevalidateCachedQuery');
}
