import { describe, expect, it } from '@jest/globals';
import { completenessFaults } from '../profile-completeness.js';
import { profileFaults } from '../profile-faults.js';
import { toldOrderProfile } from './told-order-profile.js';

describe('the profile of a shop that tells of its orders by HTTP', () => {
  it('is sound, but for the locks that nobody takes where nobody writes', () => {
    const faults = [...profileFaults(toldOrderProfile), ...completenessFaults(toldOrderProfile)];
    expect(faults.map(({ path }) => path)).toEqual([['locks'], ['locks']]);
  });
});
