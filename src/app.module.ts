import { Module, type DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { AccessModule } from './access/access.module.js';
import { JournalPartitionsStep } from './journal/journal-partitions.step.js';
import { JournalModule } from './journal/journal.module.js';
import type { ServiceKey } from './journal/personal-data.js';
import type { Clock } from './platform/clock.js';
import type { Database } from './platform/database/database.js';
import { PlatformModule } from './platform/platform.module.js';
import { loggerOptions } from './platform/telemetry/logger.js';
import type { BackgroundStep } from './platform/work/background-step.js';
import type { Config } from './config/config.schema.js';

export interface AppParts {
  readonly config: Config;
  /** relative paths in the configuration are meant from here */
  readonly configDirectory: string;
  readonly clock: Clock;
  readonly database: Database;
  readonly serviceKey: ServiceKey;
}

/** The background steps that a running service works through. */
export const backgroundSteps: readonly (new (...parts: never[]) => BackgroundStep)[] = [
  JournalPartitionsStep,
];

/** The composition root: it alone names every feature. */
@Module({})
export class AppModule {
  static with(parts: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LoggerModule.forRoot(loggerOptions(parts.config.log_level)),
        PlatformModule.with({ clock: parts.clock, database: parts.database }),
        AccessModule,
        JournalModule.with({ serviceKey: parts.serviceKey }),
      ],
    };
  }
}
