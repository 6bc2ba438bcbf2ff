import { Fault } from '../platform/errors.js';
import { loadProfile, parseProfile, profileHash } from './profile-file.js';
import { readFile } from 'node:fs/promises';

const directory = process.cwd();
const shipped = ['sample-shop', 'vendure'];

function faultsOf(text: string): { field: string; message: string }[] {
  try {
    parseProfile(text, 'test.yaml');
  } catch (error) {
    if (error instanceof Fault) return [...(error.details.fields ?? [])];
    throw error;
  }
  return [];
}

describe('shop profiles that ship', () => {
  test.each(shipped)('%s has no fault', async (name) => {
    const { profile, profileHash: hash } = await loadProfile(name, { directory });
    expect(profile.profile).toBe(name);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
