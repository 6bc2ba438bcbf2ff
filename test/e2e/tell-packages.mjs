// Writes down which packages a process loads: `node --import tell-packages.mjs ...`, into the file TELL_PACKAGES.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (/^(@[\w-]+\/)?[\w-]+$/.test(specifier))
      appendFileSync(process.env.TELL_PACKAGES, `${specifier}\n`);
    return nextResolve(specifier, context);
  },
});
