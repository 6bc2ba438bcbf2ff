/** What a token may do. The first four contain each other; the last two stand alone. */
export const roles = ['viewer', 'responder', 'approver', 'admin', 'ingest', 'metrics'] as const;
export type Role = (typeof roles)[number];

const ladder: readonly Role[] = ['viewer', 'responder', 'approver', 'admin'];

/** True where a token of role `held` may do what one of the `needed` roles may. */
export function allows(held: Role, needed: readonly Role[]): boolean {
  return needed.some((role) => includes(held, role));
}

function includes(held: Role, needed: Role): boolean {
  if (held === needed || held === 'admin') return true;
  const heldStep = ladder.indexOf(held);
  const neededStep = ladder.indexOf(needed);
  return neededStep >= 0 && heldStep >= neededStep;
}
