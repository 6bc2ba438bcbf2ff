import { Logger } from '@nestjs/common';
import { known, type LogFields } from './log-context.js';

/** One thing that happened, for machines: a stable name, the ids that it is about, and bounded details. */
export interface LoggedEvent extends LogFields {
  /** kebab-case and stable, e.g. `incident-opened` */
  readonly event: string;
  /** codes, counts and states; never free text that a person or the shop wrote */
  readonly [detail: string]: string | number | boolean | null | undefined;
}

/**
 * Writes one structured line per event. Ids stand in fields of their own, so that all lines of one
 * incident, order or trace can be found; the ids of the work around it (`withLogContext`) are added.
 */
export class Log {
  private readonly logger: Logger;

  constructor(room: string) {
    this.logger = new Logger(room);
  }

  debug(event: LoggedEvent, message: string): void {
    this.logger.debug(known(event), message);
  }

  info(event: LoggedEvent, message: string): void {
    this.logger.log(known(event), message);
  }

  warn(event: LoggedEvent, message: string): void {
    this.logger.warn(known(event), message);
  }

  error(event: LoggedEvent, message: string): void {
    this.logger.error(known(event), message);
  }
}
