import { AccessService } from '../../src/access/access.service.js';
import type { Caller } from '../../src/access/caller.js';

export interface People {
  /** responder */
  readonly robin: Caller;
  /** approvers */
  readonly alex: Caller;
  readonly kim: Caller;
  /** a service that may do all that an approver may */
  readonly bot: Caller;
  readonly admin: Caller;
}

/** The people of a service that has just been made. */
export async function createPeople(access: AccessService): Promise<People> {
  const first = await access.ensureFirstAdmin();
  const admin = await access.authenticate(first!.secret);
  const make = async (
    name: string,
    role: Caller['role'],
    kind: Caller['kind'] = 'person',
  ): Promise<Caller> => {
    const person = await access.createPerson(admin!, { name, kind, email: null });
    const token = await access.issueToken(admin!, {
      personId: person.id,
      role,
      label: 'test',
      days: 1,
    });
    return (await access.authenticate(token.secret))!;
  };
  return {
    admin: admin!,
    robin: await make('Robin', 'responder'),
    alex: await make('Alex', 'approver'),
    kim: await make('Kim', 'approver'),
    bot: await make('Bot', 'admin', 'service'),
  };
}
