import type { Noun } from './command.js';
import { audit } from './nouns/audit.js';
import { change } from './nouns/change.js';
import { finding } from './nouns/finding.js';
import { person } from './nouns/person.js';
import { token } from './nouns/token.js';
import { whoami } from './nouns/whoami.js';

/** Everything that the command line knows, in the order of its help. */
export const nouns: readonly Noun[] = [finding, change, person, token, audit, whoami];
