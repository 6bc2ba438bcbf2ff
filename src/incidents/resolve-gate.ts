import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database/database.js';
import type { Fault } from '../platform/errors.js';
import type { Incident } from './incident.js';

/** What may stand against an incident's end beside its own cases. Rooms above implement it. */
export interface ResolveGate {
  /**
   * Why the incident cannot be resolved now, with the way out; undefined where nothing stands against it.
   * Asked in the transaction that resolves it and has locked it: whoever begins something that the gate
   * would tell of locks the incident, too, and looks at its status.
   */
  refusal(transaction: Transaction, incident: Incident): Promise<Fault | undefined>;
}

/** The gates that an incident passes before it is resolved. `app.module.ts` registers them. */
@Injectable()
export class ResolveGates {
  private readonly gates: ResolveGate[] = [];

  register(gate: ResolveGate): void {
    this.gates.push(gate);
  }

  /** @throws Fault of the first gate that refuses */
  async pass(transaction: Transaction, incident: Incident): Promise<void> {
    for (const gate of this.gates) {
      const refusal = await gate.refusal(transaction, incident);
      if (refusal !== undefined) throw refusal;
    }
  }
}
