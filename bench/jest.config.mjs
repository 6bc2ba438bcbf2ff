import base from '../jest.config.mjs';

const [, medium] = base.projects;

/** Benchmarks run on the same PostgreSQL as the medium tests, one at a time. */
export default {
  ...medium,
  rootDir: '..',
  displayName: 'bench',
  testMatch: ['<rootDir>/bench/**/*.bench.ts'],
  maxWorkers: 1,
  testTimeout: 900_000,
};
