import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from './assert.js';

/** The package's own folder: where `package.json` stands, above this file, compiled or not. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const above = dirname(directory);
    assert(above !== directory, 'package.json stands above every file of the package');
    directory = above;
  }
  return directory;
}
