import type { World } from '../world.js';
import type { Checker } from './checker.js';
import { AllIsTold } from './all-is-told.js';
import { FoldIsShop } from './fold-is-shop.js';
import { JournalWhole } from './journal-whole.js';
import { NoSurprise } from './no-surprise.js';
import { OneCaseEach } from './one-case-each.js';
import { OnlyTheWrongful } from './only-the-wrongful.js';
import { OnlyWhatWasApproved } from './only-what-was-approved.js';
import { RestoredWhole } from './restored-whole.js';
import { ShopGoesOn } from './shop-goes-on.js';
import { ToldOnce } from './told-once.js';

export interface Broken {
  readonly checker: string;
  readonly found: readonly string[];
}

/** All checkers, one for each invariant, over one seed. */
export class Checks {
  private readonly checkers: readonly Checker[];
  private activity = '';

  constructor(private readonly world: World) {
    this.checkers = [
      ...[new NoSurprise(), new ShopGoesOn(), new OnlyWhatWasApproved(), new JournalWhole()],
      ...[new FoldIsShop(), new RestoredWhole(), new OnlyTheWrongful(), new OneCaseEach()],
      ...[new AllIsTold(), new ToldOnce()],
    ];
  }

  async afterStep(): Promise<Broken | undefined> {
    const activity = this.world.activity();
    if (activity === this.activity) return undefined;
    this.activity = activity;
    for (const checker of this.checkers) {
      const found = await checker.afterStep(this.world);
      if (found.length > 0) return { checker: checker.name, found };
    }
    return undefined;
  }

  async atRest(): Promise<Broken | undefined> {
    for (const checker of this.checkers) {
      const found = (await checker.atRest?.(this.world)) ?? [];
      if (found.length > 0) return { checker: checker.name, found };
    }
    return undefined;
  }
}
