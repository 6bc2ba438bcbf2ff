import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { builtDashboards } from './built.js';

// npm runs it in the checkout
for (const { name, text } of builtDashboards())
  await writeFile(join(resolve('dashboards/json'), name), text);
