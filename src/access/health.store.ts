import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';

@Injectable()
export class HealthStore {
  /** Comes back once the database has answered. */
  async ask(reader: Reader): Promise<void> {
    await reader.query('SELECT 1');
  }
}
