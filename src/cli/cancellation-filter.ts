import { Option } from 'commander';
import type { CommandContext } from './command.js';
import { pairsOption } from './options.js';

/** Options that say which cancellations are meant; every given one has to fit. */
export const filterOptions: readonly Option[] = [
  new Option('--actor-kind <kind>', 'only those made by such an actor').choices([
    'customer',
    'staff',
    'job',
    'api',
    'unknown',
  ]),
  new Option('--actor <name>', 'only those made by this one'),
  new Option('--cancel-reason <reason>', 'only those for this reason, as the shop writes it'),
  pairsOption('--attribute <name=value>', 'only orders with this attribute (may be repeated)'),
];

/** The filter that the options make. */
export function filterOf({ options }: CommandContext): Record<string, unknown> {
  const { actorKind, actor, cancelReason, attribute } = options;
  return { attributes: attribute, actorKind, actor, reason: cancelReason };
}
