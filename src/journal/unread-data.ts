import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';

/** Somebody who keeps data of which nobody can tell yet whose it is. */
export interface UnreadHolder {
  holdsUnread(reader: Reader, shopId: string): Promise<boolean>;
}

/** Whether a person of whom nothing is known may be among what was not read yet. */
@Injectable()
export class UnreadData {
  private readonly holders: UnreadHolder[] = [];

  register(holder: UnreadHolder): void {
    this.holders.push(holder);
  }

  async isHeld(reader: Reader, shopId: string): Promise<boolean> {
    for (const holder of this.holders) if (await holder.holdsUnread(reader, shopId)) return true;
    return false;
  }
}
