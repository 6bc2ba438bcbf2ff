import type { Option } from 'commander';
import type { ApiClient } from './api-client.js';
import type { Column } from './output/column.js';
import type { Output } from './output/output.js';

export type OptionValue = string | number | boolean | Readonly<Record<string, string>> | undefined;

/** What was written on the command line. */
export interface Input {
  /** by the placeholder's name: `show <incident>` gives `incident` */
  readonly args: Readonly<Record<string, string>>;
  /** by the option's name in camel case */
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** What a command works with. */
export interface CommandContext extends Input {
  readonly api: ApiClient;
  readonly out: Output;
  readonly environment: { readonly attachUrl: string | undefined };
}

/** A request that a command makes. A test holds each of them against the API's document. */
export interface RequestSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** how long it may take, where that is longer than usual */
  readonly patienceSeconds?: number;
  /** `{name}` stands for the argument of that name */
  readonly path: string;
  /** placeholders of the path that are no arguments */
  readonly pathOf?: (context: CommandContext) => Promise<Record<string, string>>;
  /** options that go into the query under their own names */
  readonly query?: readonly string[];
  /** options that go into the body under their own names */
  readonly body?: readonly string[];
  /** what else goes into the body */
  readonly bodyOf?: (
    context: CommandContext,
  ) => Record<string, unknown> | Promise<Record<string, unknown>>;
}

/** One command, e.g. `incident show <incident>`. */
export interface Command {
  /** name and arguments, e.g. `show <incident>` */
  readonly usage: string;
  readonly summary: string;
  /** what one should know before using it */
  readonly description?: string;
  readonly examples: readonly string[];
  readonly options: readonly Option[];
  /** every request it makes, with the columns that it shows of the answer */
  readonly requests: readonly {
    readonly request: RequestSpec;
    readonly columns: readonly Column[];
  }[];
  run(context: CommandContext): Promise<void>;
}

/** The commands of one noun. */
export interface Noun {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}
