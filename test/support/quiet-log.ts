import { Logger } from '@nestjs/common';

// parts that are tested without the service have no log of their own: only faults reach the terminal
Logger.overrideLogger(['error', 'fatal']);
