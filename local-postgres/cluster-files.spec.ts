import { clusterFiles, judgeDirectory } from './cluster-files.js';

describe('what a data directory is, by the names in it', () => {
  it('is made once the last marker is there, though the first was not removed', () => {
    expect(judgeDirectory(['base', clusterFiles.making, clusterFiles.made])).toBe('made');
  });

  it('is half-made as long as only the first marker is there, also while it is written', () => {
    expect(judgeDirectory(['PG_VERSION', 'base', clusterFiles.making])).toBe('half-made');
    expect(judgeDirectory([`${clusterFiles.making}.0a1b`])).toBe('half-made');
  });

  it('is empty with nothing but our lock and what a new file system brings', () => {
    expect(judgeDirectory([])).toBe('empty');
    expect(judgeDirectory(['start.lock', 'start.lock.f00', 'lost+found'])).toBe('empty');
  });

  it('is foreign with anything else, a cluster of someone else too', () => {
    expect(judgeDirectory(['letters.txt'])).toBe('foreign');
    expect(judgeDirectory(['PG_VERSION', 'base', 'global'])).toBe('foreign');
  });
});
